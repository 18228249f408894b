"""A stream that is late on messages without a plausible stamp is late all the same."""

import pytest

from include.local.query_lag import QueryLag, query_lags
from include.market.wire import TopicPartition
from include.serving.stream_progress import QueryProgress, StreamProgress
from streaming.watcher.end_times import EndTimes
from streaming.watcher.lateness import Lateness

AT, NOW_S, HOUR_S = TopicPartition("market.trades", 0), 1_760_000_000.0, 3600.0
Y2099_MS = 4_070_908_800_000


def look(
    end_times: EndTimes, hours: float, *, next_offset: int, end: int, stamp_ms: int
) -> list[QueryLag]:
    """The lags of a look so many hours after the first."""
    offsets = {AT.topic: {AT.partition: next_offset}}
    progress = StreamProgress(queries=[QueryProgress(name="land", offsets=offsets)])
    now_s = NOW_S + hours * HOUR_S
    lags = query_lags(progress, {AT: (0, end)}, times_ms=lambda _: {AT: stamp_ms}, now_s=now_s)
    return end_times.date_lags(lags, now_s=now_s)


@pytest.mark.parametrize("stamp_ms", [-1, 0, Y2099_MS])
def test_a_message_that_no_stamp_dates_waits_since_its_end_was_seen(stamp_ms: int) -> None:
    end_times = EndTimes()
    late = Lateness(retention_hours=10, share=0.5, repeat_s=HOUR_S)
    # read up to, and Kafka's end, at each hour: 40 came between the second look and the third
    looks = [(10, 10), (10, 20), (15, 60), (15, 60), (30, 60), (60, 60), (60, 61)]
    waited, alerted = [], []
    for hour, (next_offset, end) in enumerate(looks):
        (lag,) = look(end_times, 3 * hour, next_offset=next_offset, end=end, stamp_ms=stamp_ms)
        waited.append(lag.waiting_s / HOUR_S if lag.waiting_s is not None else None)
        alerted += late.alerts([lag], now_s=NOW_S + 3 * hour * HOUR_S) and [hour]
    assert waited == [0, 0, 3, 6, 6, 0, 0]
    assert alerted == [3, 4]


def test_what_a_stamp_dates_and_what_kafka_did_not_answer_stay_as_they_are() -> None:
    end_times = EndTimes()
    stamp_ms = int(NOW_S * 1000) - 5_000
    (lag,) = look(end_times, 0, next_offset=0, end=9, stamp_ms=stamp_ms)
    assert lag.waiting_s == 5.0
    unanswered = QueryLag("land", AT.topic, AT.partition, behind=None)
    assert end_times.date_lags([unanswered], now_s=NOW_S) == [unanswered]


def test_a_topic_that_was_made_anew_begins_anew() -> None:
    end_times = EndTimes()
    look(end_times, 0, next_offset=50, end=100, stamp_ms=-1)
    (lag,) = look(end_times, 2, next_offset=0, end=7, stamp_ms=-1)
    assert lag.waiting_s == 0.0


def test_what_it_remembers_is_bounded_and_never_says_too_long() -> None:
    end_times = EndTimes(max_ends=4)
    waited_s: list[float] = []
    for hour in range(40):
        (lag,) = look(end_times, hour, next_offset=hour // 2, end=hour + 1, stamp_ms=-1)
        # the message at hour // 2 came with the look of that hour
        waited_s.append(lag.waiting_s or 0.0)
        assert waited_s[-1] <= (hour - hour // 2) * HOUR_S
        assert len(end_times._ends["land", AT.topic, AT.partition]) <= 4
    assert waited_s[-1] >= 10 * HOUR_S
