"""Every table carries its region, and every unique constraint of such a table includes it."""

from __future__ import annotations

import pytest
from django.apps import apps
from django.db import models

OURS = [m for m in apps.get_models() if m.__module__.startswith("linli.")]

REPLICATED = {
    "kernel.BusinessClock": "one row for the whole shop",
    "kernel.Reader": "cursors belong to a database, not to a region",
    "people.Person": "identities are small and replicated: somebody may live in two regions",
    "people.Region": "the list of regions itself",
    "people.WeChatIdentity": "an identity, as the person it stands for",
    "people.OneTimeCode": "belongs to a phone before it is known whose",
    "people.SandboxSms": "belongs to a phone; exists in the sandbox only",
}


def _label(model: type[models.Model]) -> str:
    return f"{model._meta.app_label}.{model.__name__}"


@pytest.mark.parametrize("model", OURS, ids=_label)
def test_table_carries_its_region(model: type[models.Model]) -> None:
    carries = any(f.name == "region" for f in model._meta.get_fields())
    assert carries != (_label(model) in REPLICATED)


@pytest.mark.parametrize("model", [m for m in OURS if _label(m) not in REPLICATED], ids=_label)
def test_unique_constraints_include_the_region(model: type[models.Model]) -> None:
    """Primary keys and one-to-one keys (ids that exist once in the world) are let be: docs/decisions/0006."""
    for constraint in model._meta.constraints:
        if isinstance(constraint, models.UniqueConstraint):
            assert "region" in constraint.fields, constraint.name
    loose = [f.name for f in model._meta.local_fields if f.unique and not f.primary_key and not f.one_to_one]
    assert not loose


@pytest.mark.django_db
def test_migrations_know_every_table() -> None:
    """The suite makes its tables from the models; a fresh clone makes them from the migrations."""
    from django.core.management import call_command

    call_command("makemigrations", "--check", "--dry-run", verbosity=0)
