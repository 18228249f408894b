"""Where Postgres puts each published forecast now: `forecast_anchors`, a row a symbol.

The view `anchored_points` makes of it what is served between two nightly runs. Trades are those of
one venue, the first in `Settings.venue_order` that has minutes of the symbol.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from include.errors import ForecastError
from include.forecast.forecast_file import current_manifest
from include.forecast.manifest import Manifest
from include.market.time import to_epoch_us
from include.market.volatility import DayOfPrices
from include.serving.connection import Row, RowCursor, row_cursor
from include.serving.tables import FORECAST_ANCHORS, upsert_with
from include.settings import Settings

DAY = timedelta(hours=25)  # a little more, for the last price before a minute without a trade
# Of a tape the newest minute is open still, whatever the wall clock.
LAST_CLOSED = """
SELECT minute, close FROM trade_minutes WHERE venue = %s AND symbol = %s AND minute < %s
ORDER BY minute DESC LIMIT 1 OFFSET {newer}"""
PRICES = """
SELECT minute, close FROM trade_minutes
WHERE venue = %s AND symbol = %s AND minute BETWEEN %s AND %s ORDER BY minute"""
LEVEL = "SELECT yhat FROM forecast_points WHERE symbol = %s AND model = %s AND ds = %s"
SERVED = "SELECT symbol, forecast_id, venue, minute, price FROM forecast_anchors"


def serve_anchors(settings: Settings, *, end_at: datetime) -> int:
    """Put each symbol's published forecast at its last minute before then; gives how many moved.

    One that cannot be put anywhere (no trade since its training, no point at that minute) has no
    row, and is served as it was published.

    Raises:
        Unreachable: the server does not answer.
    """
    manifests = _read_manifests(settings)
    with row_cursor(settings.dsn()) as cursor:
        cursor.execute(SERVED)
        served = {row["symbol"]: row for row in cursor.fetchall()}
        moved = 0
        for manifest in manifests:
            closed = _find_last_closed(cursor, settings, manifest.symbol, end_at)
            spot = closed | {"forecast_id": manifest.forecast_id, "symbol": manifest.symbol}
            if spot == served.get(manifest.symbol):
                continue
            anchor = _anchor(cursor, manifest, spot) if closed else None
            cursor.execute("DELETE FROM forecast_anchors WHERE symbol = %s", (manifest.symbol,))
            upsert_with(cursor, FORECAST_ANCHORS, [anchor] if anchor else [])
            moved += anchor is not None
    return moved


def _read_manifests(settings: Settings) -> list[Manifest]:
    """The manifest of each symbol's current forecast; damaged ones are left out."""
    manifests = []
    for symbol in settings.forecast.all_symbols:
        try:
            manifest = current_manifest(settings.forecasts_of(symbol))
        except ForecastError:
            continue
        if manifest is not None and manifest.symbol == symbol:
            manifests.append(manifest)
    return manifests


def _find_last_closed(cursor: RowCursor, settings: Settings, symbol: str, end_at: datetime) -> Row:
    """Venue, minute and price of the last closed minute; empty if no venue has one."""
    statement = LAST_CLOSED.format(newer=1 if settings.simulator.tape else 0)
    for venue in settings.venue_order:
        cursor.execute(statement, (venue, symbol, end_at))
        if row := cursor.fetchone():
            return {"venue": venue, "minute": row["minute"], "price": row["close"]}
    return {}


def _anchor(cursor: RowCursor, manifest: Manifest, spot: Row) -> Row | None:
    """The anchor's row; null where the forecast has no such minute."""
    level = _level_at(cursor, manifest, spot["minute"])
    if not level:
        return None
    day = (spot["venue"], manifest.symbol, spot["minute"] - DAY, spot["minute"])
    cursor.execute(PRICES, day)
    return spot | {
        "model": manifest.model,
        "trained_until": manifest.trained_until,
        "level": level,
        "volatility": _measure_volatility(cursor.fetchall()) or manifest.volatility,
        "published_volatility": manifest.volatility,
    }


def _level_at(cursor: RowCursor, manifest: Manifest, minute_at: datetime) -> float | None:
    if minute_at == manifest.trained_until:
        return manifest.last_price
    cursor.execute(LEVEL, (manifest.symbol, manifest.model, minute_at))
    row = cursor.fetchone()
    return row["yhat"] if row else None


def _measure_volatility(minute_rows: Sequence[Any]) -> float | None:
    return DayOfPrices(
        (to_epoch_us(row["minute"]), float(row["close"])) for row in minute_rows
    ).volatility()
