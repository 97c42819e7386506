"""Shapes that every area shares. What comes in is strict and knows no other fields; what goes out names each of its fields."""

from __future__ import annotations

from typing import Annotated

from ninja import Schema
from pydantic import ConfigDict, Field, StrictBool

LARGEST = 2**63 - 1

Id = Annotated[int, Field(ge=1, le=LARGEST, description="An id.")]
StrictId = Annotated[int, Field(strict=True, ge=1, le=LARGEST, description="An id.")]
Minor = Annotated[int, Field(strict=True, ge=0, le=10**12, description="Minor units of the region's currency.")]
Pieces = Annotated[int, Field(strict=True, ge=1, le=10**6)]
Text = Annotated[str, Field(max_length=200)]
Search = Annotated[str, Field(max_length=80, description="Words to look for.")]
Code = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:-]*$")]
Cursor = Annotated[str, Field(max_length=500, description="`next` of the page before.")]
Size = Annotated[int, Field(ge=1, le=200, description="Rows on a page.")]
Flag = StrictBool
PathId = Annotated[int, Field(ge=1, le=LARGEST)]
PathCode = Annotated[str, Field(min_length=1, max_length=64)]


class In(Schema):
    """What comes in: a field that nobody knows is an error, not a silence."""

    model_config = ConfigDict(extra="forbid")


class Grounds(In):
    """Why, in words."""

    why: Annotated[str, Field(min_length=1, max_length=200)]


class Out(Schema):
    """What goes out."""


class Page[T](Out):
    """Some rows of a list; pass `next` back as `cursor` for those behind. "" is the end."""

    items: list[T]
    next: str = Field(description='Cursor of the next page, "" at the end.')


class Done(Out):
    """It was done; `changed` says whether that was news."""

    changed: bool = True
