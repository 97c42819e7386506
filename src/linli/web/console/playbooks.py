"""Playbooks: what each wants, who would get it and what it would cost, a launch and what it earned."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from linli.engage import preview as previews
from linli.engage import queries as engage
from linli.engage import runs, shapes
from linli.kernel.refusals import Refusal
from linli.people import queries as people
from linli.web import words
from linli.web.access import allow
from linli.web.console import figures, frame
from linli.web.console.audience import read_aloud
from linli.web.console.people_of import currency_of, names

ANSWERS = ("send", "hold", "drop", "withhold", "unknown")


def _region(request: HttpRequest) -> str:
    return str(request.actor.region)  # type: ignore[attr-defined]


def _page_of(region: str, slug: str) -> shapes.PlaybookPage:
    try:
        return engage.playbook(region, slug)
    except Refusal as refused:
        raise Http404 from refused


@allow("operator")
@require_GET
def listing(request: HttpRequest) -> HttpResponse:
    """Every playbook with its state."""
    region = _region(request)
    return frame.page(
        request,
        "console/playbooks.html",
        "playbooks",
        {"cards": engage.playbooks(region), "launches": engage.launches(region), "waiting": engage.waiting(region)},
    )


@allow("operator")
@require_GET
def one(request: HttpRequest, slug: str) -> HttpResponse:
    """A playbook: hypothesis, audience, steps, launches; its preview comes along by itself."""
    page = _page_of(_region(request), slug)
    return frame.page(
        request,
        "console/playbook.html",
        "playbooks",
        {
            "page": page,
            "card": page.card,
            "steps": _steps(page),
            "aloud": read_aloud(page.card.audience),
            "crumb": frame.up("console:playbooks", _("活动剧本")),
        },
    )


def _steps(page: shapes.PlaybookPage) -> list[dict[str, Any]]:
    """Steps with where each outcome leads, as the number of the step in the list."""
    number = {step.name: n for n, step in enumerate(page.steps, 1)}
    ends = {"met": _("等到了"), "timeout": _("没等到"), "expired": _("团长没来得及")}
    return [
        {
            "step": step,
            "goes": [(ends.get(outcome, outcome), number.get(there)) for outcome, there in step.goes_to.items()],
            "reason": words.code(f"engage.end.{step.reason}") if step.reason else "",
        }
        for step in page.steps
    ]


@dataclass(frozen=True)
class Sample:
    """A member the preview names, with who they are and why in words."""

    sample: shapes.SampleMember
    info: people.MemberInfo | None
    reasons: tuple[str, ...]
    answer: str


def reason_words(told: tuple[shapes.Reason, ...], currency: str) -> tuple[str, ...]:
    """Reasons of engage in words."""
    return tuple(words.code(r.code, currency=currency, **r.facts) for r in told)


def answer_words(answer: str, reason: str, prefix: str = "answer") -> str:
    """The gate's answer, with its reason when it has one."""
    said = words.code(f"{prefix}.{answer}")
    return f"{said}{_('：')}{words.code(reason if reason.startswith('engage.') else f'engage.gate.{reason}')}" if reason else said


def counted(counts: Mapping[str, int], prefix: str) -> list[tuple[str, int]]:
    """Counts by code as (words, count), largest first."""
    return [(words.code(code if "." in code else f"{prefix}.{code}"), n) for code, n in sorted(counts.items(), key=lambda p: -p[1]) if n]


@allow("operator")
@require_GET
def preview(request: HttpRequest, slug: str) -> HttpResponse:
    """What a launch would do now, as a fragment; `brief` is one line for Today."""
    region = _region(request)
    page = _page_of(region, slug)
    currency = currency_of(region)
    try:
        told = previews.preview(region, slug)
    except Refusal as refused:
        says, do = words.refusal(refused)
        return render(request, "console/part_preview.html", {"refused": says, "refused_do": do, "card": page.card})
    template = "console/part_preview_brief.html" if request.GET.get("brief") else "console/part_preview.html"
    known = names([s.member_id for s in told.samples])
    most = max([w.tasks_count for w in told.workload], default=0)
    return render(
        request,
        template,
        {
            "card": page.card,
            "told": told,
            "key": uuid.uuid4().hex,
            "answers": [(words.code(f"preview_answer.{a}"), told.answers.get(a, 0), a) for a in ANSWERS if told.answers.get(a)],
            "drops": counted(told.drops, "engage.gate"),
            "holds": counted(told.holds, "engage.gate"),
            "samples": [
                Sample(s, known.get(s.member_id), reason_words(s.reasons, currency), answer_words(s.answer, s.reason, "preview_answer"))
                for s in told.samples
            ],
            "busiest": most,
            "leaders": len({w.community_id for w in told.workload}),
            "waits": words.code(told.waits_for) if told.waits_for else "",
            "basis": words.code(told.redemption_basis) if told.redemption_basis else "",
            "power_reason": words.code(told.power.reason if "." in told.power.reason else f"engage.power.{told.power.reason}")
            if told.power.reason
            else "",
        },
    )


def _key(request: HttpRequest) -> str:
    """The form's key. Without one it gets its own: two forms without a key must not be taken for each other."""
    return request.POST.get("key", "").replace("\0", "")[:64] or uuid.uuid4().hex


@allow("operator")
@require_POST
def start(request: HttpRequest, slug: str) -> HttpResponse:
    """Launch the playbook; the dialog has stated whom and what it may cost."""
    region = _region(request)
    _page_of(region, slug)
    try:
        launched = runs.launch(region=region, slug=slug, by=request.actor.person_id, key=_key(request))  # type: ignore[attr-defined]
    except Refusal as refused:
        says, do = words.refusal(refused)
        messages.error(request, f"{says} {do}".strip())
        return redirect("console:playbook", slug=slug)
    messages.success(
        request,
        _("已启动：{treated} 人会收到，{holdout} 人留作对照").format(treated=launched.treated_count, holdout=launched.holdout_count),
    )
    return redirect("console:launch", launch_id=launched.launch_id)


@dataclass(frozen=True)
class Estimated:
    """An estimate with its interval drawn and its verdict in words."""

    estimate: shapes.Estimate
    verdict: str
    name: str
    interval: figures.Interval | None


def _estimated(told: shapes.Estimate) -> Estimated:
    drawn = None
    if told.low is not None and told.high is not None and told.difference is not None:
        drawn = figures.interval(told.low, told.difference, told.high)
    return Estimated(
        told,
        words.code(told.verdict if "." in told.verdict else f"engage.verdict.{told.verdict}"),
        words.code(told.metric if "." in told.metric else f"engage.metric.{told.metric}"),
        drawn,
    )


@allow("operator")
@require_GET
def launch(request: HttpRequest, launch_id: int) -> HttpResponse:
    """A launch: counts at every step, what it cost from the ledger, what it earned beside its holdout."""
    region = _region(request)
    try:
        page = engage.launch(region, launch_id)
    except Refusal as refused:
        raise Http404 from refused
    outcome = page.outcome
    most = max([page.card.entered_count, 1])
    return frame.page(
        request,
        "console/launch.html",
        "playbooks",
        {
            "page": page,
            "card": page.card,
            "playbook": page.playbook,
            "funnel": [_stage(step, most) for step in page.funnel],
            "answers": [(words.code(f"answer.{a}"), page.answers.get(a, 0), a) for a in ANSWERS if page.answers.get(a)],
            "drops": counted(page.drops, "engage.gate"),
            "ends": counted(page.ends, "engage.end"),
            "tasks": counted(page.tasks, "task_state"),
            "outcome": outcome,
            "moving": words.code("engage.page.moving", n=page.due_count) if page.due_count else "",
            "note": words.code(outcome.note if "." in outcome.note else f"engage.outcome.{outcome.note}")
            if outcome and outcome.note
            else "",
            "estimates": [_estimated(e) for e in outcome.estimates] if outcome else [],
            "guardrails": [_estimated(e) for e in outcome.guardrails] if outcome else [],
            "decisions": _rows(engage.decisions(region, launch_id=launch_id, page_size=12), currency_of(region)),
            "crumb": frame.up("console:playbooks", _("活动剧本")),
            "key": uuid.uuid4().hex,
        },
    )


def _stage(step: shapes.StepCount, most: int) -> dict[str, Any]:
    treated, holdout = sum(step.treated.values()), sum(step.holdout.values())
    return {
        "name": words.code(f"step.{step.kind}"),
        "step": step,
        "treated": treated,
        "holdout": holdout,
        "treated_width": round(300 * treated / most, 1),
        "holdout_width": round(300 * holdout / most, 1),
        "parts": [(words.code(f"step_outcome.{name}"), n) for name, n in step.treated.items() if n],
    }


@allow("operator")
@require_POST
def stop(request: HttpRequest, launch_id: int) -> HttpResponse:
    """Stop a launch: nobody new enters, nothing more goes out; what was sent stays."""
    try:
        runs.stop(region=_region(request), launch_id=launch_id, by=request.actor.person_id, key=_key(request))  # type: ignore[attr-defined]
        messages.success(request, _("已停止：不再有人进入，也不再发出"))
    except Refusal as refused:
        says, do = words.refusal(refused)
        messages.error(request, f"{says} {do}".strip())
    return redirect("console:launch", launch_id=launch_id)


@dataclass(frozen=True)
class Decided:
    """A row of the gate's log with names and words."""

    row: shapes.DecisionRow
    info: people.MemberInfo | None
    said: str
    outcome: str
    reasons: tuple[str, ...]


def _rows(page: shapes.DecisionPage, currency: str) -> list[Decided]:
    known = names([r.member_id for r in page.rows])
    return [decided(r, known.get(r.member_id), currency) for r in page.rows]


def decided(row: shapes.DecisionRow, info: people.MemberInfo | None, currency: str) -> Decided:
    """One answer of the gate in words."""
    return Decided(
        row,
        info,
        answer_words(row.answer, row.reason),
        words.code(f"task_state.{row.outcome}") if row.outcome else "",
        reason_words(row.reasons, currency),
    )


@allow("operator")
@require_GET
def decisions(request: HttpRequest) -> HttpResponse:
    """Every answer the gate gave, newest first."""
    region = _region(request)
    asked: dict[str, Any] = {
        "slug": request.GET.get("slug", "").replace("\0", "")[:64] or None,
        "answer": frame.chosen(request, "answer", ANSWERS) or None,
        "member_id": frame.number(request, "member"),
        "launch_id": frame.number(request, "launch"),
    }
    page = engage.decisions(region, **asked, page=frame.number(request, "page", 1, least=1) or 1)
    return frame.page(
        request,
        "console/decisions.html",
        "playbooks",
        {
            "asked": asked,
            "page": page,
            "rows": _rows(page, currency_of(region)),
            "answers": [(a, words.code(f"answer.{a}"), page.by_answer.get(a, 0)) for a in ANSWERS],
            "drops": counted(page.by_reason, "engage.gate"),
            "crumb": frame.up("console:playbooks", _("活动剧本")),
        },
    )
