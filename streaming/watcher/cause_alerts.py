"""The causes that `status` shows, as alerts: each once, and again while it lasts."""

import re
from collections.abc import Sequence

from include.alerts import NOT_WORKING, Alert


class CauseAlerts:
    """Remembers the causes, so that one that lasts makes one alert in `repeat_s` seconds.

    A cause is alerted when two looks in a row have seen it: processes that are just being started
    are none. Numbers in a cause may change from look to look.
    """

    def __init__(self, *, repeat_s: float) -> None:
        self._repeat_s = repeat_s
        self._known_keys: set[str] = set()
        self._alerted_at: dict[str, float] = {}

    def alerts(self, causes: Sequence[str], *, now_s: float) -> list[Alert]:
        """The alerts of these causes; one that was resolved in between is alerted again at once."""
        by_key = {re.sub(r"\d[\d.]*", "#", cause): cause for cause in causes}
        self._alerted_at = {key: at for key, at in self._alerted_at.items() if key in by_key}
        alerts = []
        for key, cause in by_key.items():
            is_due = now_s - self._alerted_at.get(key, -self._repeat_s) >= self._repeat_s
            if key in self._known_keys and is_due:
                self._alerted_at[key] = now_s
                alerts.append(
                    Alert(kind=NOT_WORKING, title=cause, detail="See ./tickhouse status.")
                )
        self._known_keys = set(by_key)
        return alerts
