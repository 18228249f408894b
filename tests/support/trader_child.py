"""A real trader process with a forecast of fixed sides, which may kill itself at a named point.

`python -m tests.support.trader_child START_US SIDES [POINT COUNT]`: minute n after START_US has
the n-th letter's side (b, s, anything else: none); the COUNT-th time at POINT it dies by SIGKILL.
"""

import os
import signal
import sys
import threading

from include.log import start_logging
from include.settings import from_environment
from streaming.trader.__main__ import trade
from tests.support import trader_venues  # noqa: F401 (its venue is a test's)

MINUTE_US = 60_000_000


class FixedForecast:
    forecast_id, volatility = "fixed", 0.001

    def __init__(self, start_us: int, sides: str) -> None:
        self.trained_until, self._sides = start_us, sides

    def side_at(self, minute_us: int) -> str | None:
        number = (minute_us - self.trained_until) // MINUTE_US
        inside = 0 <= number < len(self._sides)
        return {"b": "buy", "s": "sell"}.get(self._sides[number]) if inside else None

    def level_at(self, minute_us: int) -> float:
        return 9000.0

    def bounds_at(self, minute_us: int) -> tuple[float, float]:
        return 8990.0, 9010.0


class Watch:
    """Stands where the trader's own watch of the forecast folder stands."""

    def __init__(self, forecast: FixedForecast) -> None:
        self._forecast = forecast

    def refresh(self) -> None:
        return

    def newest(self) -> tuple[FixedForecast, None]:
        return self._forecast, None


class KillAt:
    """Kills this process the COUNT-th time that a point is reached."""

    def __init__(self, point: str, count: int) -> None:
        self._point, self._count = point, count
        self._points: list[str] = []

    def reach(self, point: str) -> None:
        self._points.append(point)
        if point == self._point and self._points.count(point) == self._count:
            os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    start_logging("trader")
    forecast = FixedForecast(int(sys.argv[1]), sys.argv[2])
    point, count = (sys.argv[3], int(sys.argv[4])) if len(sys.argv) > 3 else ("", 0)
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    trade(
        from_environment(),
        stop,
        forecasts=Watch(forecast),  # type: ignore[arg-type]
        kill_points=KillAt(point, count),
    )


if __name__ == "__main__":
    main()
