"""The newest published forecast, read again when its pointer changes."""

import logging

from include.errors import ForecastError
from include.forecast import forecast_file
from include.forecast.publications import PublicationLog, read_publications
from include.log import event
from include.market.predicted_move import ForecastSide
from include.market.time import to_epoch_us
from include.object_path import StorePath
from include.trading.inputs import ForecastSides, Signal
from include.trading.reasons import Reason
from streaming.trader.lake_forecasts import forecast_in_use

log = logging.getLogger("tickhouse.trader")


class PublishedForecast:
    """A published forecast as the rule asks it."""

    def __init__(self, published: forecast_file.ForecastFile) -> None:
        self.manifest = published.manifest
        self.forecast_id = published.manifest.forecast_id
        self.trained_until = to_epoch_us(published.manifest.trained_until)
        self.volatility = published.manifest.volatility
        self._published = published

    def side_at(self, minute_us: int) -> ForecastSide | None:
        """The side of the move into the minute that holds this time (µs); null outside."""
        return self._published.side_at(minute_us)

    def level_at(self, minute_us: int) -> float | None:
        """The predicted close of that minute, at training's end the last price; null outside."""
        return self._published.level_at(minute_us)

    def bounds_at(self, minute_us: int) -> tuple[float, float] | None:
        """The 80 % bounds of that minute; null outside."""
        return self._published.bounds_at(minute_us)


class ForecastWatch:
    """Keeps the last good forecast of one symbol and world; another is refused, logged once."""

    def __init__(self, folder: StorePath, *, symbol: str, world: str) -> None:
        """Nothing is read before `newest` or `refresh`."""
        self._folder, self._symbol, self._world = folder, symbol, world
        self._pointer: str | None = None
        self._good: ForecastSides | None = None
        self._fault: Reason | None = None

    def newest(self) -> tuple[ForecastSides | None, Reason | None]:
        """The forecast to use, or null and the reason why there is none.

        A forecast that is refused leaves the last good one in use.
        """
        self.refresh(forced=self._fault is not None)
        return self._good, None if self._good else self._fault

    def refresh(self, *, forced: bool = False) -> None:
        """Read the forecast if the pointer moved since, or if `forced`; cheap if not."""
        pointer = forecast_file.current_id(self._folder)
        if pointer is None or (pointer == self._pointer and not forced):
            return
        fault, detail = self._reload()
        if fault and pointer != self._pointer:
            log.warning(event("forecast refused", reason=fault, why=detail))
        elif not fault:
            log.info(event("forecast loaded", forecast_id=pointer))
        self._pointer, self._fault = pointer, fault

    def _reload(self) -> tuple[Reason | None, str]:
        try:
            forecast = PublishedForecast(forecast_file.load_current(self._folder))
        except ForecastError as error:
            return Reason.FORECAST_DAMAGED, str(error)
        symbol, world = forecast.manifest.symbol, forecast.manifest.world
        if (symbol, world) != (self._symbol, self._world):
            return Reason.FORECAST_FOREIGN, f"it is for {symbol} in world {world}"
        self._good = forecast
        return None, ""


class PublishedForecasts:
    """All published forecasts of one symbol: which was in force at a signal, by the market clock.

    It is the one in use then (`forecast_in_use`). If all know later minutes, the earliest is given,
    for the rule to refuse.
    """

    def __init__(self, folder: StorePath, *, symbol: str) -> None:
        """Read and check every forecast of the folder; damaged ones are logged and skipped."""
        forecasts = []
        for manifest in forecast_file.published_manifests(folder):
            try:
                published = forecast_file.read(folder / manifest.forecast_id)
            except ForecastError as error:
                log.warning(event("forecast refused", reason=Reason.FORECAST_DAMAGED, why=error))
                continue
            if manifest.symbol == symbol:
                forecasts.append(PublishedForecast(published))
        self._forecasts = {forecast.forecast_id: forecast for forecast in forecasts}
        readable = [row for row in read_publications(folder) if row.forecast_id in self._forecasts]
        self._publications = PublicationLog(readable)

    def in_force(self, signal: Signal) -> tuple[ForecastSides | None, Reason | None]:
        """The forecast of a signal; null if there is none at all."""
        at, log = signal.timestamp, self._publications
        in_use = forecast_in_use(self._forecasts, log, at, is_recorded=True)
        earliest = min(
            self._forecasts.values(), key=lambda f: (f.trained_until, f.forecast_id), default=None
        )
        return in_use or earliest, None
