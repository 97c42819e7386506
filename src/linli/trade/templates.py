"""Templates of group-buys: an operator writes them, a leader opens from them with a tap."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import transaction

from linli.goods import queries as goods
from linli.goods.queries import SkuInfo
from linli.kernel import clocks, events
from linli.kernel.refusals import Refusal
from linli.trade import orders
from linli.trade.events import TemplatePut
from linli.trade.models import GroupTemplate
from linli.trade.rules.templates import Choice, Template, group_of, template_faults

__all__ = ["Choice", "Template", "TemplateInfo", "find", "group_of", "listed", "put"]


@dataclass(frozen=True)
class TemplateInfo:
    """A template with its goods."""

    template: Template
    sku: SkuInfo


@transaction.atomic
def put(*, region: str, template: Template, by: str) -> int:
    """Write a template, or change the one under its slug; returns its id. Groups that are open keep their terms.

    Raises Refusal: trade.bad_template(slug, fields), trade.no_such_sku(sku).
    """
    if goods.sku(region, template.sku) is None:
        raise Refusal("trade.no_such_sku", sku=template.sku)
    if wrong := template_faults(template, clocks.business_now(), orders.zone(region)):
        raise Refusal("trade.bad_template", slug=template.slug, fields=", ".join(wrong))
    terms = dict(template.terms)
    if "ladder" in terms:
        terms["ladder"] = [list(rung) for rung in terms["ladder"]]
    row, _ = GroupTemplate.objects.update_or_create(
        region=region,
        slug=template.slug,
        defaults={
            "sku_code": template.sku,
            "kind": template.kind,
            "terms": terms,
            "limits": {name: list(ends) for name, ends in template.limits.items()},
            "open_hours": template.open_hours,
            "pickup_days": template.pickup_days,
            "pickup_hour": template.pickup_hour,
            "note_zh": template.note_zh,
            "note_en": template.note_en,
            "active": template.active,
        },
    )
    events.append(TemplatePut(template.slug, template.sku, template.active, by), region=region, subject=f"template:{template.slug}")
    return row.pk


def listed(region: str, *, active_only: bool = True) -> list[TemplateInfo]:
    """The region's templates by slug, those whose goods are sold; two statements."""
    found = GroupTemplate.objects.filter(region=region).order_by("slug")
    rows = list(found.filter(active=True) if active_only else found)
    skus = goods.skus(region, {t.sku_code for t in rows})
    return [TemplateInfo(_template(t), skus[t.sku_code]) for t in rows if t.sku_code in skus]


def find(region: str, slug: str) -> Template:
    """A template that can be opened from. Raises Refusal: trade.no_such_template."""
    found = GroupTemplate.objects.filter(region=region, slug=slug, active=True).first()
    if found is None:
        raise Refusal("trade.no_such_template")
    return _template(found)


def _template(t: GroupTemplate) -> Template:
    return Template(
        t.slug,
        t.sku_code,
        t.terms,
        t.kind,
        t.open_hours,
        t.pickup_days,
        t.pickup_hour,
        t.note_zh,
        t.note_en,
        {name: (least, most) for name, (least, most) in t.limits.items()},
        t.active,
    )
