"""The API's cast: the small shop, a token for everybody, a till that stands in for the channel."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from linli.kernel import clocks
from linli.trade import channels
from linli.web.api import limits
from support import shop as built
from support.calling import Cast, cast
from support.shop import MONDAY, Shop, Till


@pytest.fixture(autouse=True)
def _fresh_limits() -> Iterator[None]:
    limits.LIMITER.forget()
    yield
    limits.LIMITER.forget()


@pytest.fixture
def monday() -> Iterator[None]:
    with clocks.fixed(business=MONDAY):
        yield


@pytest.fixture
def shop(db: None, monday: None) -> Shop:
    return built.build()


@pytest.fixture
def till(monkeypatch: pytest.MonkeyPatch) -> Till:
    found = Till()
    monkeypatch.setattr(channels, "of", lambda name: found)
    return found


@pytest.fixture
def callers(shop: Shop) -> Cast:
    return cast(shop)
