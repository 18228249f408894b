"""How long the `signals` query waits for its next batch, worked by hand."""

from decimal import Decimal

import pytest

from include.market.windows import BookFlow, Windows
from spark_jobs.pace import Pace

S = 1_000_000


def flow(symbol: str, venue_s: float | None, received_s: float) -> BookFlow:
    at = None if venue_s is None else round(venue_s * S)
    return BookFlow("gemini", symbol, "c", at, round(received_s * S), None, Decimal(1), None)


def pause(now_s: float, *flows: BookFlow, delay_s: float = 0.0) -> float:
    windows, pace = Windows(window_s=60, delay_s=delay_s), Pace(idle_s=5)
    for one in flows:
        windows.take(one)
        pace.observe(one)
    return pace.pause_s(windows, now_us=round(now_s * S))


LATE = flow("BTC-USD", 10, 10.2)  # what ends at 60 by the venue is known here at 60.2


@pytest.mark.parametrize(
    ("now_s", "pause_s"),
    [
        (10.3, 5.0),  # no longer than the longest pause
        (54.5, 5.0),
        (54.6, 4.9),  # 0.7 s before the end
        (58.0, 1.5),
        (59.4, 0.1),
        (59.5, 0.7),  # so near that the next batch is the one at the end
        (60.0, 0.2),
        (60.2, 0.0),
        (62.1, 0.0),
    ],
)
def test_a_batch_begins_shortly_before_a_window_ends_and_at_its_end(
    now_s: float, pause_s: float
) -> None:
    assert pause(now_s, LATE) == pytest.approx(pause_s, abs=1e-9)


def test_without_a_window_that_is_about_to_end_the_pause_is_long() -> None:
    assert 4 < pause(59) <= 5
    assert 4 < pause(59, flow("BTC-USD", None, 10)) <= 5
    assert 4 < pause(62.2, LATE) <= 5  # two seconds overdue: its symbol is silent


def test_the_first_end_of_all_symbols_counts_each_by_its_own_delay() -> None:
    prompt, slow = flow("ETH-USD", 12, 12), flow("BTC-USD", 10, 13)
    assert pause(58, slow) == pytest.approx(4.3)
    assert pause(58, slow, prompt) == pytest.approx(1.3)
    assert pause(62.5, slow, prompt) == pytest.approx(0.5)  # one is overdue, the other is not


def test_the_newest_message_of_a_symbol_shows_its_delay() -> None:
    assert pause(58, flow("BTC-USD", 10, 13), flow("BTC-USD", 14, 14.5)) == pytest.approx(1.8)


def test_a_clock_that_is_far_ahead_is_not_believed() -> None:
    ahead = flow("BTC-USD", 20, 10)
    assert pause(58, ahead) == pytest.approx(1.3)


def test_windows_that_are_kept_open_for_longer_end_later() -> None:
    assert pause(59, LATE, delay_s=2) == pytest.approx(2.5)


def test_a_window_that_was_open_before_a_restart_ends_without_a_delay() -> None:
    before = Windows(window_s=60)
    before.take(LATE)
    again = Windows(window_s=60, memory=before.state)
    assert Pace(idle_s=5).pause_s(again, now_us=58 * S) == pytest.approx(1.3)
