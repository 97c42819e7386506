// Draws every [data-chart] from the JSON it names: {labels, series: [{name, values, unit, kind, color, dash}], mark},
// or {kind: "sankey", nodes: [{name, label, color}], links: [{source, target, value, label, href}]}, whose links open when pressed.
"use strict";
(() => {
  const charts = [], reduced = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const english = document.documentElement.lang.startsWith("en");
  const token = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const short = x => english ? (Math.abs(x) >= 1e6 ? (x / 1e6).toFixed(1) + "M" : Math.abs(x) >= 1e5 ? Math.round(x / 1e3) + "k" : x.toLocaleString("en"))
    : (Math.abs(x) >= 1e8 ? (x / 1e8).toFixed(1) + "亿" : Math.abs(x) >= 1e4 ? +(x / 1e4).toFixed(1) + "万" : x.toLocaleString("en"));
  const money = (x, sign) => sign + x.toLocaleString("en", { maximumFractionDigits: x < 100 ? 2 : 0 });
  const tip = line => ({ renderMode: "richText", backgroundColor: token("--surface"), borderColor: line, textStyle: { color: token("--ink"), fontSize: 12 } });
  function sankey(told) {
    const text = token("--ink"), left = new Set(told.links.map(l => l.source));
    return {
      animation: !reduced, animationDuration: 240, textStyle: { fontFamily: token("--sans") },
      tooltip: { ...tip(token("--line")), trigger: "item", formatter: p => p.dataType === "edge" ? p.data.says + "  " + short(p.data.value) : p.data.says },
      series: [{
        type: "sankey", left: 8, right: 8, top: 10, bottom: 10, nodeWidth: 14, nodeGap: 16, draggable: false, layoutIterations: 0, emphasis: { focus: "adjacency" },
        data: told.nodes.map(n => ({ name: n.name, says: n.label, label: { formatter: n.label, position: left.has(n.name) ? "right" : "left" }, itemStyle: { color: token("--" + n.color), borderWidth: 0 } })),
        links: told.links.map(l => ({ source: l.source, target: l.target, value: l.value, says: l.label, href: l.href })),
        label: { color: text, fontSize: 12, textBorderColor: token("--surface"), textBorderWidth: 3 }, lineStyle: { color: "gradient", opacity: .32, curveness: .5 }, cursor: "pointer",
      }],
    };
  }
  function option(told) {
    if (told.kind === "sankey") return sankey(told);
    const text = token("--ink-2"), faint = token("--ink-3"), line = token("--line");
    const say = (s, v) => v == null ? "—" : s.unit === "money" ? money(v, told.sign || "") : s.unit === "share" ? (v * 100).toFixed(1) + "%" : v.toLocaleString("en") + (s.unit ? " " + s.unit : "");
    const axis = n => ({
      type: "value", min: told.floor === "auto" ? undefined : 0, scale: told.floor === "auto", splitNumber: 3, show: n < 2, position: n ? "right" : "left", splitLine: { show: !n, lineStyle: { color: line } },
      axisLabel: { color: faint, formatter: x => told.series[n]?.unit === "share" ? Math.round(x * 100) + "%" : (told.series[n]?.unit === "money" ? (told.sign || "") : "") + short(x) },
    });
    const two = told.series.some(s => s.axis === 1);
    return {
      animation: !reduced, animationDuration: 240, textStyle: { fontFamily: token("--sans") },
      grid: { left: 8, right: two ? 8 : 16, top: told.series.length > 1 ? 34 : 14, bottom: 4, containLabel: true },
      legend: { right: 8, top: 0, itemWidth: 14, itemHeight: 3, icon: "roundRect", textStyle: { color: text, fontSize: 12 }, show: told.series.length > 1 },
      tooltip: {
        ...tip(line), trigger: "axis",
        formatter: ps => ps[0].name + "\n" + ps.map(p => p.seriesName + " " + say(told.series[p.seriesIndex], p.value)).join("\n"),
      },
      xAxis: { type: "category", data: told.labels, boundaryGap: told.series.some(s => s.kind === "bar"), axisLine: { lineStyle: { color: token("--line-strong") } }, axisTick: { show: false }, axisLabel: { color: faint, hideOverlap: true, interval: Math.max(0, Math.ceil(told.labels.length / 10) - 1) } },
      yAxis: two ? [axis(0), axis(1)] : [axis(0)],
      series: told.series.map((s, n) => {
        const color = token("--" + (s.color || "c" + (n + 1)));
        return {
          name: s.name, type: s.kind || "line", data: s.values, yAxisIndex: s.axis || 0, symbol: "none", barMaxWidth: 18, connectNulls: false, itemStyle: { color, borderRadius: s.kind === "bar" ? [2, 2, 0, 0] : 0 },
          lineStyle: { color, width: s.dash ? 1.5 : 2.5, type: s.dash ? "dashed" : "solid" }, areaStyle: s.area ? { color, opacity: .1 } : undefined,
          markLine: n === 0 && told.mark ? { symbol: "none", silent: true, lineStyle: { color: faint, type: "dashed" }, label: { show: !!told.mark.label, formatter: told.mark.label || "", position: "insideStartTop", color: text, fontSize: 11 }, data: [{ yAxis: told.mark.value }] } : undefined,
        };
      }),
    };
  }
  function draw() {
    for (const el of document.querySelectorAll("[data-chart]")) {
      const told = JSON.parse(document.getElementById(el.dataset.chart).textContent);
      const chart = echarts.getInstanceByDom(el) || echarts.init(el, null, { renderer: "svg" });
      chart.setOption(option(told), true);
      if (!charts.includes(chart)) { charts.push(chart); chart.on("click", p => { if (p.data?.href) location.assign(p.data.href); }); }
    }
  }
  draw();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  addEventListener("resize", () => charts.forEach(c => c.resize()));
})();
