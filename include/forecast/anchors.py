"""What Postgres serves of each symbol's forecast in use, and where that is put now.

`forecast_points` has its first week as published, `forecast_anchors` a row a symbol; the view
`anchored_points` makes of both what is shown between two nightly runs. Trades are those of one
venue, the first in `Settings.venue_order` that has minutes of the symbol. Both follow the pointer
`CURRENT`, whoever moves it: a publication, a rollback, a restored folder.
"""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from include.errors import ForecastError, Unreachable
from include.forecast.forecast_file import ForecastFile, current_id, read, read_manifest
from include.forecast.manifest import Manifest
from include.log import event
from include.market.time import MINUTE, to_epoch_us
from include.market.volatility import DayOfPrices
from include.serving.connection import Row, RowCursor, row_cursor
from include.serving.forecast_points import is_served, serve_published
from include.serving.tables import FORECAST_ANCHORS, create_tables, upsert_with
from include.serving.trade_minutes import closing_time
from include.settings import Settings
from include.settings.groups import DatabaseRole

log = logging.getLogger("tickhouse.forecast")
SERVED_MINUTES = 10_080
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


class ForecastServer:
    """Keeps Postgres at each symbol's forecast in use, put at its last closed minute."""

    def __init__(self, settings: Settings, *, symbols: tuple[str, ...] = ()) -> None:
        """Of these symbols; none: of every configured one."""
        self._settings = settings
        self._symbols = symbols or settings.forecast.all_symbols
        self._served: dict[str, Manifest] = {}
        self._refused: set[str] = set()

    def serve(self, *, end_at: datetime) -> int:
        """Serve the forecasts, put at the last minutes before then; gives how many changed.

        One that cannot be put anywhere (no trade since its training, no point at that minute) has
        no anchor, and is served as it was published. Where one is damaged, that before it stays.

        Raises:
            Unreachable: the server does not answer.
        """
        served, count = dict(self._served), 0
        with row_cursor(self._settings.dsn(DatabaseRole.STREAM)) as cursor:
            cursor.execute(SERVED)
            anchor_rows = {row["symbol"]: row for row in cursor.fetchall()}
            for symbol in self._symbols:
                anchor_row: Row = anchor_rows.get(symbol, {})
                manifest, has_new_points = self._follow(cursor, symbol, anchor_row)
                if manifest is not None:
                    served[symbol] = manifest
                    is_put = self._put(cursor, manifest, anchor_row, end_at)
                    count += is_put or has_new_points
        self._served = served
        return count

    def _follow(
        self, cursor: RowCursor, symbol: str, anchor_row: Row
    ) -> tuple[Manifest | None, bool]:
        """What is served of a symbol, and whether its points were put there just now.

        It is the forecast in use, and while that is damaged the one before it.
        """
        folder, served = self._settings.forecasts_of(symbol), self._served.get(symbol)
        for name in filter(None, (current_id(folder), anchor_row.get("forecast_id"))):
            if served and served.forecast_id == name:
                return served, False
            try:
                manifest = read_manifest(folder / name)
                if manifest.symbol == symbol:
                    return manifest, self._serve_points(cursor, manifest)
            except ForecastError as error:
                if name not in self._refused:
                    log.warning(event("forecast not served", why=error))
                self._refused.add(name)
        return served, False

    def _serve_points(self, cursor: RowCursor, manifest: Manifest) -> bool:
        """Put the forecast's first week in Postgres; false where it is.

        Raises:
            ForecastError: its file is damaged.
        """
        span = min(manifest.rows, SERVED_MINUTES) - 1
        first, last = manifest.first_ds, manifest.first_ds + span * MINUTE
        symbol, model = manifest.symbol, manifest.model
        if is_served(cursor, symbol=symbol, model=model, first_at=first, last_at=last):
            return False
        published = read(self._settings.forecasts_of(symbol) / manifest.forecast_id)
        keep_days = self._settings.forecast.served_days
        serve_published(cursor, _first_week(published), keep_days=keep_days)
        return True

    def _put(
        self, cursor: RowCursor, manifest: Manifest, anchor_row: Row, end_at: datetime
    ) -> bool:
        """Put the forecast at its last minute before then; false where it is, or cannot be."""
        symbol = manifest.symbol
        closed = _find_last_closed(cursor, self._settings, symbol, end_at)
        spot = closed | {"forecast_id": manifest.forecast_id, "symbol": symbol}
        if spot == anchor_row:
            return False
        anchor = _anchor(cursor, manifest, spot) if closed else None
        cursor.execute("DELETE FROM forecast_anchors WHERE symbol = %s", (symbol,))
        upsert_with(cursor, FORECAST_ANCHORS, [anchor] if anchor else [])
        return anchor is not None


def serve_if_reachable(settings: Settings, symbol: str, *, now: datetime) -> None:
    """Serve a symbol's forecast in use at once; without Postgres `minutes` does it later."""
    try:
        create_tables(settings.dsn(DatabaseRole.STREAM))
        ForecastServer(settings, symbols=(symbol,)).serve(end_at=closing_time(now))
    except Unreachable as error:
        log.warning(event("forecast served later", error=error))


def _first_week(published: ForecastFile) -> list[Row]:
    manifest = published.manifest
    run_columns = {"made_at": manifest.made_at, "model": manifest.model, "symbol": manifest.symbol}
    return [
        run_columns
        | {
            "ds": manifest.first_ds + number * MINUTE,
            "yhat": point.yhat,
            "yhat_lower": point.yhat_lower,
            "yhat_upper": point.yhat_upper,
        }
        for number, point in enumerate(published.points[:SERVED_MINUTES])
    ]


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
