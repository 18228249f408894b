"""When a late stream is told of: past a share of Kafka's retention, and again while it lasts."""

from collections.abc import Mapping, Sequence
from typing import Any

from include.alerts import STREAM_LAG, Alert

HOUR_S = 3600.0


class Lateness:
    """Remembers what was told, so that a fault that lasts is told once in `repeat_s`."""

    def __init__(self, *, retention_hours: float, share: float, repeat_s: float) -> None:
        """A message may wait for `share` of the retention; then Kafka may soon forget it."""
        self._most_s = retention_hours * HOUR_S * share
        self._retention_hours = retention_hours
        self._repeat_s = repeat_s
        self._told: dict[tuple[str, str, int], float] = {}

    def alerts(self, lag: Sequence[Mapping[str, Any]], *, now: float) -> list[Alert]:
        """What to tell of these rows of `status`'s lag; one that was back is told again."""
        found = []
        for one in lag:
            place = (str(one["query"]), str(one["topic"]), int(one["partition"]))
            waiting = one.get("waiting_s")
            if waiting is None:
                continue
            if waiting <= self._most_s:
                self._told.pop(place, None)
            elif now - self._told.get(place, -self._repeat_s) >= self._repeat_s:
                self._told[place] = now
                found.append(self._alert(one))
        return found

    def _alert(self, one: Mapping[str, Any]) -> Alert:
        hours = float(one["waiting_s"]) / HOUR_S
        return Alert(
            what=STREAM_LAG,
            title=f"the stream's query {one['query']} is {hours:.1f} h late on {one['topic']}",
            detail=(
                f"{one['behind']} messages of partition {one['partition']} wait; Kafka keeps them "
                f"for {self._retention_hours:g} h and then they are lost. See ./tickhouse status, "
                "./tickhouse logs stream and ./tickhouse doctor."
            ),
        )
