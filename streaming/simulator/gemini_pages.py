"""Which rows of a history the simulated Gemini answers with. Pure.

Source: docs.gemini.com, "List past trades": a history is walked from the highest time that the
page before had.
"""

from streaming.simulator.json_fields import Fields, Values


def choose_page(history: list[Fields], values: Values, limit: int) -> list[Fields]:
    """From `timestamp` (or `since`) on the oldest, without one the newest; newest first."""
    since_ms = values.get("timestamp", values.get("since"))
    if since_ms is None:
        return history[::-1][:limit]
    return [row for row in history if _time_ms(row) >= since_ms][:limit][::-1]


def _time_ms(row: Fields) -> int:
    return int(row["timestampms"])
