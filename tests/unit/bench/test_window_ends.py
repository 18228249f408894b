"""When the measurement of window ends begins: not while the stream still catches up."""

from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from bench import window_ends
from include.clock import now_us
from include.market.time import SECOND_US
from include.trading.inputs import Signal
from tests.conftest import make_environment

WINDOW_US = window_ends.WINDOW_S * SECOND_US


def ends_of(monkeypatch: pytest.MonkeyPatch, tmp_path: Any, *window_ends_us: int) -> Any:
    """The follower, whose topic has a ratio of each of these ends."""
    values = [
        msgspec.json.encode(
            Signal("gemini", "BTC-USD", "price_volume", Decimal(1), end_us, end_us - WINDOW_US)
        )
        for end_us in window_ends_us
    ]
    batches = [[SimpleNamespace(value=value) for value in values]]

    class OneBatch:
        def __init__(self, *_: object, **__: object) -> None:
            pass

        def poll(self, _timeout_s: float) -> list[SimpleNamespace]:
            return batches.pop() if batches else []

    monkeypatch.setattr(window_ends, "Consumer", OneBatch)
    return window_ends._Ends(window_ends.load(make_environment(tmp_path)))


@pytest.mark.parametrize(
    ("ages_us", "current"),
    [
        ((3 * WINDOW_US, 2 * WINDOW_US), 0),  # windows of a stream that is behind
        ((2 * WINDOW_US, 5000), 1),
        ((5000, 5000, 6000), 2),  # two symbols of one window are one end
    ],
)
def test_an_end_of_which_a_stream_told_too_late_is_not_current(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any, ages_us: tuple[int, ...], current: int
) -> None:
    now = now_us()
    ends = ends_of(monkeypatch, tmp_path, *(now - age_us for age_us in ages_us))
    assert ends.follow(0.3, max_ends=2) == current
    assert len(ends.delays_ms) == len(ages_us)
