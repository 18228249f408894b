"""What the task of `forecast_short_term` does, with this process's settings and clock."""

import logging
from datetime import UTC, datetime

from airflow.sdk.exceptions import AirflowSkipException

from include.log import event
from include.settings import from_environment

log = logging.getLogger("tickhouse.orchestration")


def forecast_next_minutes() -> dict[str, int]:
    """Forecast every symbol; give the number of rows by symbol. Skips while there is no ticker."""
    from include.forecast.short_term import forecast_soon

    made = forecast_soon(from_environment(), now=datetime.now(UTC))
    if made is None:
        raise AirflowSkipException("no ticker has landed yet")
    for symbol, reason in made.left_out.items():
        log.warning(event("symbol left out", symbol=symbol, reason=reason))
    return {symbol: len(rows) for symbol, rows in made.rows.items()}
