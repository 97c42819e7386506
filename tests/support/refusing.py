"""A verb is expected to decline, with this code and these facts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from linli.kernel.refusals import Refusal


@contextmanager
def refused(code: str, **facts: object) -> Iterator[None]:
    """The block must raise Refusal(code) telling at least `facts`."""
    with pytest.raises(Refusal) as caught:
        yield
    assert caught.value.code == code, caught.value
    assert facts.items() <= caught.value.facts.items(), caught.value
