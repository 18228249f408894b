"""The newest published forecast, read again when its pointer changes."""

import logging
from datetime import datetime
from pathlib import Path
from typing import cast

from include.errors import ForecastError
from include.forecast import forecast_file
from include.log import event
from include.market.events import Side
from include.trading.inputs import MINUTE_US, Forecast, Signal

log = logging.getLogger("tickhouse.trader")


class PublishedForecast:
    """A published forecast as the rule asks it."""

    def __init__(self, published: forecast_file.ForecastFile) -> None:
        """Wrap what `forecast_file` read and checked."""
        self.manifest = published.manifest
        self.forecast_id = published.manifest.forecast_id
        self.trained_until = _micros(published.manifest.trained_until)
        self._published = published

    def side_at(self, minute_us: int) -> Side | None:
        """The side of the minute that holds this time (µs); null outside the forecast."""
        return cast(Side | None, self._published.side_at(minute_us))


class ForecastWatch:
    """Keeps the last good forecast of one symbol and world; another one is refused, told once."""

    def __init__(self, folder: Path, *, symbol: str, world: str) -> None:
        """Nothing is read before `newest` or `refresh`."""
        self._folder, self._symbol, self._world = folder, symbol, world
        self._pointer: str | None = None
        self._good: Forecast | None = None
        self._fault: str | None = None

    def newest(self) -> tuple[Forecast | None, str | None]:
        """The forecast to use, or null and the reason code why there is none.

        A forecast that is refused leaves the last good one in use.
        """
        self.refresh(again=self._fault is not None)
        return self._good, None if self._good else self._fault

    def refresh(self, *, again: bool = False) -> None:
        """Read the forecast if the pointer moved since (or `again`); cheap if it did not."""
        pointer = forecast_file.current_id(self._folder)
        if pointer is None or (pointer == self._pointer and not again):
            return
        fault, why = self._reload()
        if fault and pointer != self._pointer:
            log.warning(event("forecast refused", reason=fault, why=why))
        elif not fault:
            log.info(event("forecast loaded", forecast_id=pointer))
        self._pointer, self._fault = pointer, fault

    def _reload(self) -> tuple[str | None, str]:
        try:
            found = PublishedForecast(forecast_file.load_current(self._folder))
        except ForecastError as error:
            return "forecast_torn", str(error)
        about = found.manifest
        if (about.symbol, about.world) != (self._symbol, self._world):
            return "forecast_foreign", f"it is for {about.symbol} in world {about.world}"
        self._good = found
        return None, ""


def _micros(at: datetime) -> int:
    return int(at.timestamp()) * 1_000_000


class PublishedForecasts:
    """All published forecasts of one symbol: which was in force at a signal, by the market clock.

    It is the one trained last of those whose last minute was over at the signal. If all know later
    minutes, the earliest is given, for the rule to refuse.
    """

    def __init__(self, folder: Path, *, symbol: str) -> None:
        """Read and check every forecast of the folder; torn ones are told and left out."""
        found = []
        for manifest in forecast_file.published(folder):
            try:
                one = forecast_file.read(folder / manifest.forecast_id)
            except ForecastError as error:
                log.warning(event("forecast refused", reason="forecast_torn", why=error))
                continue
            if manifest.symbol == symbol:
                found.append(PublishedForecast(one))
        self._found = sorted(found, key=lambda one: (one.trained_until, one.forecast_id))

    def in_force(self, signal: Signal) -> tuple[Forecast | None, str | None]:
        """The forecast of a signal; null if there is none at all."""
        known = [one for one in self._found if one.trained_until + MINUTE_US <= signal.timestamp]
        best = known[-1:] or self._found[:1]
        return (best[0] if best else None), None
