"""When a late stream is an alert: past a share of Kafka's retention, and again while it lasts."""

from collections.abc import Sequence

from include.alerts import STREAM_LAG, Alert
from include.local.query_lag import QueryLag

HOUR_S = 3600.0


class Lateness:
    """Remembers its alerts, so that a lag that lasts makes one in `repeat_s` seconds.

    A message may wait for `share` of the retention; beyond that Kafka may soon delete it unread.
    """

    def __init__(self, *, retention_hours: float, share: float, repeat_s: float) -> None:
        self._limit_s = retention_hours * HOUR_S * share
        self._retention_hours = retention_hours
        self._repeat_s = repeat_s
        self._alerted_at: dict[tuple[str, str, int], float] = {}

    def alerts(self, lags: Sequence[QueryLag], *, now_s: float) -> list[Alert]:
        """The alerts of these lags; one that recovered in between is alerted again at once."""
        alerts = []
        for lag in lags:
            key = (lag.query, lag.topic, lag.partition)
            if lag.waiting_s is None:
                continue
            if lag.waiting_s <= self._limit_s:
                self._alerted_at.pop(key, None)
            elif now_s - self._alerted_at.get(key, -self._repeat_s) >= self._repeat_s:
                self._alerted_at[key] = now_s
                alerts.append(self._alert(lag, lag.waiting_s))
        return alerts

    def _alert(self, lag: QueryLag, waiting_s: float) -> Alert:
        hours = waiting_s / HOUR_S
        return Alert(
            kind=STREAM_LAG,
            title=f"the stream's query {lag.query} is {hours:.1f} h late on {lag.topic}",
            detail=(
                f"{lag.behind} messages of partition {lag.partition} wait; Kafka keeps them "
                f"for {self._retention_hours:g} h and then they are lost. See ./tickhouse status, "
                "./tickhouse logs stream and ./tickhouse doctor."
            ),
        )
