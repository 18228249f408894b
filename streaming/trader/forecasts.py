"""The newest published forecast, read again when its pointer changes."""

import importlib
import logging
from collections.abc import Callable
from pathlib import Path

from include.errors import ForecastError
from include.log import event
from include.trading.inputs import Forecast

log = logging.getLogger("tickhouse.trader")
POINTER = "CURRENT"
Load = Callable[[Path], Forecast]


class ForecastWatch:
    """Keeps the last good forecast; a torn one is refused and told once."""

    def __init__(self, folder: Path, *, load: Load) -> None:
        """Nothing is read before `newest`."""
        self._folder, self._load = folder, load
        self._pointer: bytes | None = None
        self._good: Forecast | None = None
        self._fault: str | None = "forecast_missing"

    def newest(self) -> tuple[Forecast | None, str | None]:
        """The forecast to use, and why the newest one cannot be used (null: it can).

        A published forecast that cannot be read leaves the last good one in use.
        """
        pointer = self._read_pointer()
        if pointer is not None and (pointer != self._pointer or self._fault):
            self._reload(told=pointer == self._pointer)
            self._pointer = pointer
        return self._good, self._fault

    def _read_pointer(self) -> bytes | None:
        try:
            return (self._folder / POINTER).read_bytes()
        except OSError:
            return None

    def _reload(self, *, told: bool) -> None:
        try:
            self._good = self._load(self._folder)
        except ForecastError as error:
            self._fault = "forecast_torn"
            if not told:
                log.warning(event("forecast refused", reason=error))
            return
        self._fault = None
        log.info(event("forecast loaded", forecast_id=self._good.forecast_id))


def load(folder: Path) -> Forecast:
    """The current published forecast of a folder.

    Raises:
        ForecastError: it is missing or torn.
    """
    owner = importlib.import_module("include.forecast.forecast_file")
    found: Forecast = owner.load_current(folder)
    return found
