"""Where playbooks lie: files that are shipped, and the versions that were started."""

from __future__ import annotations

from functools import lru_cache

from linli.engage import audience, knowledge, models, reading
from linli.engage.playbook import Playbook
from linli.kernel import clocks
from linli.kernel.refusals import Refusal


def slugs() -> list[str]:
    """Every shipped playbook."""
    return sorted(path.stem for path in reading.SHIPPED.glob("*.yaml"))


def text(slug: str) -> str:
    """The file's text. Raises Refusal engage.no_playbook(slug, suggestion)."""
    if slug not in slugs():
        raise Refusal("engage.no_playbook", slug=slug, suggestion=audience.suggest(slug, slugs()))
    return (reading.SHIPPED / f"{slug}.yaml").read_text(encoding="utf-8")


def playbook(slug: str) -> Playbook:
    """The shipped playbook as it stands now. Raises Refusal engage.no_playbook, engage.bad_playbook."""
    return _read(text(slug))


@lru_cache(maxsize=64)
def _read(text: str) -> Playbook:
    """A text says the same thing every time; reading YAML takes a page's tenth of a second."""
    return reading.read(text, knowledge.names())


def store(region: str, book: Playbook) -> models.PlaybookVersion:
    """Keep this version for the runs that start with it."""
    stored, _ = models.PlaybookVersion.objects.get_or_create(
        region=region, slug=book.slug, version=book.version, defaults={"text": book.text, "stored_at": clocks.business_now()}
    )
    return stored


@lru_cache(maxsize=64)
def _stored(region: str, slug: str, version: str) -> Playbook:
    row = models.PlaybookVersion.objects.get(region=region, slug=slug, version=version)
    return _read(row.text)


def of(launch: models.Launch) -> Playbook:
    """The version a launch was started with, whatever the file says today."""
    return _stored(launch.region, launch.slug, launch.version.version)
