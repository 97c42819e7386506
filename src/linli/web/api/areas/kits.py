"""Kits by a bill of materials, and the catalogue from a file."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal

from ninja import File
from ninja.files import UploadedFile
from pydantic import Field

from linli.goods import imports, kits
from linli.goods import queries as goods
from linli.kernel.refusals import Refusal
from linli.kernel.sheets import MOST_BYTES
from linli.people import queries as people
from linli.web import words
from linli.web.api import errors
from linli.web.api.areas import own
from linli.web.api.operations import Area, Call
from linli.web.api.shapes import Done, In, Out, PathCode, Pieces

area = Area("catalog", "Kits and catalogue files")

Station = Annotated[str, Field(min_length=1, max_length=48, pattern=r"^[A-Za-z0-9-]+$")]
MOST_FORM_BYTES = MOST_BYTES + 100_000


class KitPart(Out):
    """So many pieces of a component in each kit."""

    sku: str
    pieces: int


class KitAt(Out):
    """A kit at a station: `free` can be offered, `possible` more could be made of what lies there."""

    station: str
    free: int
    possible: int
    best_before: date | None


class KitRun(Out):
    """One line of a kit's history."""

    kind: str
    sku: str
    place: str
    quantity: int
    unit_cost_minor: int
    reason: str
    best_before: date | None
    by: str
    at: datetime


class Kit(Out):
    """A kit: its bill of materials, where it lies, what happened to it."""

    sku: str
    bill: list[KitPart]
    stock: list[KitAt]
    runs: list[KitRun]


class Bill(In):
    """What is in a kit: component -> pieces."""

    parts: Annotated[dict[str, Annotated[int, Field(strict=True, ge=1, le=1000)]], Field(min_length=1, max_length=50)]


class Batch(In):
    """So many kits at a station."""

    station: Station
    quantity: Pieces


class KitsMade(Out):
    """What an assembly came to: what one kit cost, and until when it is good."""

    quantity: int
    unit_cost_minor: int
    best_before: date | None


class Loss(Batch):
    """Pieces that were lost at a station, and why."""

    reason: Literal["spoiled", "damaged", "short", "expired"]


class LossRate(Out):
    """Lost of what was assembled of a kit at a place."""

    sku: str
    place: str
    assembled: int
    lost: int
    share: float


class FileChange(Out):
    """A SKU that the file changes: field -> [before, after]."""

    code: str
    fields: dict[str, list[Any]]


class FileProblem(Out):
    """Something wrong in a file: where, which code, and in words."""

    row: int
    column: str
    code: str
    says: str


class FilePlan(Out):
    """What a file does, or would do. With problems it does nothing."""

    new: list[str]
    changed: list[FileChange]
    unchanged: int
    problems: list[FileProblem]


def _kit(request: Call, code: str) -> str:
    found = goods.sku(request.actor.region, code)
    if found is None or found.kind != "kit":
        own.missing()
    return code


def _currency(request: Call) -> str:
    region = people.region(request.actor.region)
    return region.currency if region else ""


def _told(plan: imports.Plan) -> dict[str, Any]:
    changed = [{"code": c.code, "fields": {name: [errors.plain(v) for v in pair] for name, pair in c.fields.items()}} for c in plan.changed]
    problems = [
        {"row": p.row, "column": p.column, "code": p.code, "says": words.refusal(Refusal(p.code, **p.facts))[0]} for p in plan.problems
    ]
    return {"new": [one.code for one in plan.new], "changed": changed, "unchanged": plan.unchanged, "problems": problems}


@area.get("/kits/losses", who=("operator",), response=list[LossRate])
def list_kit_losses(request: Call) -> Any:
    """What was lost of each kit at each station, the worst first."""
    return kits.loss_rates(request.actor.region)


@area.get("/kits/{code}", who=("operator",), response=Kit)
def get_kit(request: Call, code: PathCode) -> Any:
    """A kit with its bill of materials, stations and history."""
    region = request.actor.region
    _kit(request, code)
    return {"sku": code, "bill": kits.bill(region, code), "stock": kits.stock(region, code), "runs": kits.runs(region, code)}


@area.put("/kits/{code}/bill", who=("operator",), response=Done)
def put_kit_bill(request: Call, code: PathCode, body: Bill) -> Any:
    """Say what is in a kit; not while kits of the old bill lie at a station."""
    kits.put_bill(region=request.actor.region, kit=_kit(request, code), parts=body.parts)
    return {}


@area.post("/kits/{code}/assemble", who=("operator",), response=KitsMade, status=201)
def assemble_kits(request: Call, code: PathCode, body: Batch) -> Any:
    """Make kits out of what lies at a station; its components' floors judge."""
    kit, region = _kit(request, code), request.actor.region
    return kits.assemble(region=region, kit=kit, station=body.station, quantity=body.quantity, by=request.by, key=request.key)


@area.post("/kits/{code}/disassemble", who=("operator",), response=Done)
def disassemble_kits(request: Call, code: PathCode, body: Batch) -> Any:
    """Take kits apart: their components lie at the station again."""
    kit, region = _kit(request, code), request.actor.region
    kits.disassemble(region=region, kit=kit, station=body.station, quantity=body.quantity, by=request.by, key=request.key)
    return {}


@area.post("/skus/{code}/losses", who=("operator",), response=Done)
def report_loss(request: Call, code: PathCode, body: Loss) -> Any:
    """Pieces of a SKU were lost at a station."""
    kits.lose(region=request.actor.region, sku=code, by=request.by, key=request.key, **body.dict())
    return {}


@area.ask("/imports/catalog/plan", who=("operator",), response=FilePlan, form_bytes=MOST_FORM_BYTES)
def plan_import(request: Call, file: File[UploadedFile]) -> Any:
    """What a CSV or XLSX file would do to the catalogue (multipart/form-data); nothing is written."""
    plan = imports.plan(region=request.actor.region, currency=_currency(request), content=file.read(), filename=file.name or "")
    return _told(plan)


@area.post("/imports/catalog", who=("operator",), response=FilePlan, form_bytes=MOST_FORM_BYTES)
def import_catalog(request: Call, file: File[UploadedFile]) -> Any:
    """Do what a CSV or XLSX file says, all of it or nothing (multipart/form-data); the same file again changes nothing."""
    asked = {"content": file.read(), "filename": file.name or "", "by": request.by}
    return _told(imports.apply(region=request.actor.region, currency=_currency(request), **asked))
