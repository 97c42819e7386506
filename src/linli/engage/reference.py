"""The generated page docs/playbooks.md: every shipped playbook, as it will run."""

from __future__ import annotations

from linli.engage import library
from linli.engage import playbook as p
from linli.kernel import money


def playbooks_page() -> str:
    """The page's text. A playbook that can't be read raises, so a broken file can't ship."""
    parts = [
        "# Playbooks\n\nWhat ships, read from `src/linli/engage/playbooks/*.yaml`. How they work: [rooms/engage.md](rooms/engage.md). "
        "The console's preview says what each would do on your own data, before it is started.\n"
    ]
    parts += [_playbook(library.playbook(slug)) for slug in library.slugs()]
    return "\n".join(parts)


def _playbook(book: p.Playbook) -> str:
    budget = ", ".join(money.plain(v, k) for k, v in sorted(book.budget_minor.items()))
    lines = [
        f"## {book.name_en} (`{book.slug}`)\n",
        f"{book.name_zh}. {book.hypothesis_en}\n",
        f"- Audience: `{book.audience}`",
        f"- Trigger: {book.trigger}, members may enter for {book.enter_days} days",
        f"- Holdout: {book.holdout_share:.0%}; budget: {budget}",
        f"- Measured: {book.metric} a member over {book.window_days} days; guardrails: {', '.join(book.guardrails) or 'none'}\n",
        "| coupon | off | from | days |\n| --- | --- | --- | --- |",
    ]
    for c in book.coupons:
        off = ", ".join(money.price(v, k) for k, v in sorted(c.face_minor.items()))
        least = ", ".join(money.price(v, k) for k, v in sorted(c.minimum_minor.items()))
        lines.append(f"| `{c.name}` | {off} | {least} | {c.valid_days} |")
    lines.append("\n| step | does | then |\n| --- | --- | --- |")
    lines += [f"| `{s.name}` | {_does(s)} | {_then(s)} |" for s in book.steps]
    return "\n".join(lines) + "\n"


def _does(step: p.Step) -> str:
    match step:
        case p.Effect():
            pack = f" with {', '.join(step.coupons)}" if step.coupons else ""
            return f"{step.channel.replace('_', ' ')}{pack}"
        case p.Wait():
            return f"waits {step.days:g} days" + (f" for {step.until}" if step.until else "")
        case p.Branch():
            return f"asks `{step.test}`" if step.test else "draws " + ", ".join(f"{n} {s:.0%}" for n, s in step.shares)
        case p.Exit():
            return f"ends: {step.reason}"


def _then(step: p.Step) -> str:
    match step:
        case p.Effect() if step.failover:
            return f"nobody did it in {step.expires_days:g} days: {step.failover}"
        case p.Wait() | p.Branch():
            return ", ".join(f"{k}: `{v}`" for k, v in step.goes.items())
    return ""
