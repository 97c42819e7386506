from __future__ import annotations

from collections.abc import Iterator

import pytest

from linli.kernel import clocks
from linli.trade import channels
from support import shop as built
from support.shop import MONDAY, Shop, Till


@pytest.fixture
def monday() -> Iterator[None]:
    with clocks.fixed(business=MONDAY):
        yield


@pytest.fixture
def shop(db: None, monday: None) -> Shop:
    return built.build()


@pytest.fixture
def till(monkeypatch: pytest.MonkeyPatch) -> Till:
    """The channel of the test, in place of the gateway."""
    found = Till()
    monkeypatch.setattr(channels, "of", lambda name: found)
    return found
