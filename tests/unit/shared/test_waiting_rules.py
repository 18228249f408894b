"""How long to wait: after failures in a row, and below a rate."""

import random

import pytest

from include.backoff import Backoff
from include.rate_limiter import RateLimiter


def test_waits_double_up_to_a_ceiling_and_half_of_each_is_random() -> None:
    backoff = Backoff(first_s=0.5, max_s=10.0)
    ceilings = [0.5, 1.0, 2.0, 4.0, 8.0, 10.0, 10.0]
    for rng in (random.Random(1), None):
        for failures, ceiling in enumerate(ceilings):
            waits = [backoff.wait_s(failures, rng) for _ in range(200)]
            assert ceiling / 2 <= min(waits) < ceiling * 0.6
            assert ceiling * 0.9 < max(waits) <= ceiling


def test_without_jitter_a_wait_is_the_ceiling() -> None:
    backoff = Backoff(first_s=1.0, max_s=30.0)
    assert [backoff.longest_s(failures) for failures in range(7)] == [1, 2, 4, 8, 16, 30, 30]


def test_a_server_that_is_away_for_days_overflows_nothing() -> None:
    assert Backoff(first_s=0.25, max_s=30.0).wait_s(1_000_000) <= 30.0


def test_no_window_holds_more_calls_than_allowed() -> None:
    limiter, rng, starts, now_s = RateLimiter(3, within_s=1.0), random.Random(3), [], 0.0
    for _ in range(200):
        now_s += rng.choice((0.0, 0.0, 0.1, 0.9))
        starts.append(now_s + limiter.claim(now_s))
    for third_before, start in zip(starts, starts[3:], strict=False):
        assert start - third_before >= 1.0 - 1e-9


def test_a_hold_outlasts_the_spacing_and_never_shortens() -> None:
    limiter = RateLimiter(1, within_s=2.0)
    limiter.hold(0.0, 30.0)
    limiter.hold(0.0, 5.0)
    assert limiter.claim(10.0) == pytest.approx(20.0)
    assert limiter.claim(10.0) == pytest.approx(22.0)
