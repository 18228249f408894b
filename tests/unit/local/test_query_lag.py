"""How long a message has waited, where its stamp may be none or wrong."""

import pytest

from include.local.query_lag import query_lags
from include.market.wire import TopicPartition
from include.serving.stream_progress import QueryProgress, StreamProgress

AT = TopicPartition("market.trades", 0)
NOW_S = 1_760_000_000


@pytest.mark.parametrize(
    ("stamped_ms", "waiting_s"),
    [
        (NOW_S * 1000 - 1500, 1.5),
        (NOW_S * 1000 + 900, 0.0),  # clocks differ
        (-1, None),
        (0, None),
        (4_070_908_800_000, None),  # 2099
    ],
)
def test_only_a_plausible_stamp_says_how_long_a_message_waits(
    stamped_ms: int, waiting_s: float | None
) -> None:
    progress = StreamProgress(queries=[QueryProgress(name="land", offsets={AT.topic: {0: 1000}})])
    (lag,) = query_lags(progress, {AT: (0, 2000)}, times_ms=lambda _: {AT: stamped_ms}, now_s=NOW_S)
    assert (lag.behind, lag.waiting_s) == (1000, waiting_s)
