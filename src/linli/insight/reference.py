"""The generated pages docs/metrics.md and docs/features.md, from the registries."""

from __future__ import annotations

from linli.insight import features, metrics, segments
from linli.insight.metric_counts import STEADY_DAYS


def _row(*cells: object) -> str:
    return "| " + " | ".join(str(c).replace("|", "/") for c in cells) + " |"


def _code(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{n}`" for n in names)


def metrics_page() -> str:
    """Every metric: definition, unit, target, the events it is made of or waits for."""
    head = [
        "# Metrics\n",
        "Source: `src/linli/insight/metrics.py`. Each is counted once per complete local day and community, from the facts recorded",
        "up to the end of that day; a region's figure is the sum of numerators over the sum of denominators. The first twelve are the",
        f"dashboard's. History is kept per day (`MetricValue`); the first refresh fills the {STEADY_DAYS} days before it.\n",
        _row("key", "name", "definition", "unit", "target", "from", "waits for"),
        _row(*["---"] * 7),
    ]
    rows = []
    for m in metrics.REGISTRY.values():
        target = "" if m.target is None else f"{'at least' if m.direction == 'up' else 'at most'} {m.target:g}"
        names = f"{m.en}<br>{m.zh}"
        definition = f"{m.definition_en}.<br>{m.definition_zh}。"
        rows.append(_row(f"`{m.key}`", names, definition, m.unit, target, _code(m.sources), f"`{m.waits_for}`" if m.waits_for else ""))
    return "\n".join([*head, *rows]) + "\n"


def features_page() -> str:
    """Every feature and every segment: definition, unit, the events it is made of."""
    head = [
        "# Features and segments\n",
        "Sources: `src/linli/insight/features.py`, `rules.py`, `segments.py`. A feature is a function of the facts recorded up to",
        "a moment; a day is a local calendar day of the region. These names are what audience rules use.\n",
        "## Features\n",
        _row("name", "type", "unit", "definition", "from"),
        _row(*["---"] * 5),
    ]
    for f in features.REGISTRY.values():
        sources = _code(f.sources) if not f.waits_for else f"waits for `{f.waits_for}`"
        head.append(_row(f"`{f.name}`", f.type, f.unit, f"{f.en}: {f.definition_en}.<br>{f.zh}：{f.definition_zh}。", sources))
    head += ["\n## Segments\n", _row("key", "kind", "definition", "why names"), _row(*["---"] * 4)]
    for s in segments.REGISTRY.values():
        names = _code(s.facts) if not s.waits_for else f"waits for `{s.waits_for}`"
        head.append(_row(f"`{s.key}`", s.kind, f"{s.en}: {s.definition_en}.<br>{s.zh}：{s.definition_zh}。", names))
    return "\n".join(head) + "\n"
