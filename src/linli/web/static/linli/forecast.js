// Draws a [data-forecast]: what was sold, what is expected with two bands of uncertainty, sold-out days, and where knowledge ends.
"use strict";
(() => {
  const charts = [], reduced = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const token = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const say = v => v == null ? "—" : v.toLocaleString("en", { maximumFractionDigits: 1 });
  function option(told) {
    const w = told.words, text = token("--ink-2"), faint = token("--ink-3"), line = token("--line"), c1 = token("--c1"), c2 = token("--c2"), c3 = token("--c3");
    const minus = (high, low) => high.map((h, i) => h == null ? null : h - low[i]);
    // A band is an unseen floor and its height on top of it.
    const floor = (low, stack) => ({ type: "line", data: low, stack, symbol: "none", silent: true, lineStyle: { opacity: 0 }, itemStyle: { opacity: 0 }, areaStyle: { opacity: 0 }, tooltip: { show: false } });
    const band = (name, high, low, stack, opacity) => ({ name, type: "line", data: minus(high, low), stack, symbol: "none", silent: true, lineStyle: { opacity: 0 }, itemStyle: { color: c2, opacity: opacity + .2 }, areaStyle: { color: c2, opacity } });
    const out = told.happened.map((v, i) => told.out[i] ? v : null);
    return {
      animation: !reduced, animationDuration: 240, textStyle: { fontFamily: token("--sans") },
      grid: { left: 8, right: 16, top: 38, bottom: 4, containLabel: true },
      legend: { right: 8, top: 0, itemWidth: 14, itemHeight: 6, textStyle: { color: text, fontSize: 12 }, data: [w.happened, w.mean, { name: w.inner, icon: "rect" }, { name: w.band, icon: "rect" }, ...(told.out.some(Boolean) ? [w.out] : [])] },
      tooltip: {
        trigger: "axis", renderMode: "richText", backgroundColor: token("--surface"), borderColor: line, textStyle: { color: token("--ink"), fontSize: 12 },
        formatter: ps => {
          const i = ps[0].dataIndex, rows = [told.labels[i] + (told.out[i] ? "  " + w.out : "")];
          if (told.happened[i] != null) rows.push(w.happened + " " + say(told.happened[i]) + " " + w.pieces);
          if (told.mean[i] != null) rows.push(w.mean + " " + say(told.mean[i]) + " " + w.pieces, w.band + " " + say(told.low[i]) + "–" + say(told.high[i]));
          if (told.happened[i] != null && told.mean[i] != null && !told.really[i]) rows.push(w.judged);
          return rows.join("\n");
        },
      },
      xAxis: { type: "category", data: told.labels, boundaryGap: false, axisLine: { lineStyle: { color: token("--line-strong") } }, axisTick: { show: false }, axisLabel: { color: faint, hideOverlap: true, interval: Math.max(0, Math.ceil(told.labels.length / 10) - 1) } },
      yAxis: { type: "value", min: 0, splitNumber: 4, splitLine: { lineStyle: { color: line } }, axisLabel: { color: faint } },
      series: [
        floor(told.low, "outer"), band(w.band, told.high, told.low, "outer", .18),
        floor(told.inner_low, "inner"), band(w.inner, told.inner_high, told.inner_low, "inner", .22),
        { name: w.mean, type: "line", data: told.mean, symbol: "none", connectNulls: false, itemStyle: { color: c2 }, lineStyle: { color: c2, width: 1.5, type: "dashed" } },
        {
          name: w.happened, type: "line", data: told.happened, symbol: "circle", symbolSize: 4, itemStyle: { color: c1 }, lineStyle: { color: c1, width: 2 },
          markLine: { symbol: "none", silent: true, lineStyle: { color: faint, type: "solid", width: 1 }, label: { formatter: w.cut, position: "insideEndTop", color: text, fontSize: 11 }, data: [{ xAxis: told.labels[told.cut] }] },
        },
        { name: w.out, type: "scatter", data: out, symbol: "triangle", symbolSize: 11, itemStyle: { color: c3 }, z: 5 },
      ],
    };
  }
  function draw() {
    for (const el of document.querySelectorAll("[data-forecast]")) {
      const told = JSON.parse(document.getElementById(el.dataset.forecast).textContent);
      const chart = echarts.getInstanceByDom(el) || echarts.init(el, null, { renderer: "svg" });
      chart.setOption(option(told), true);
      if (!charts.includes(chart)) charts.push(chart);
    }
  }
  draw();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  addEventListener("resize", () => charts.forEach(c => c.resize()));
})();
