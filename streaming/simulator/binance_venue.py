"""The simulated Binance as a whole: its symbols, its clock, the weight that its clients use."""

from collections import deque
from dataclasses import dataclass, field

from include.market.symbols import CONCATENATED
from streaming.simulator.binance_parameters import BinanceError
from streaming.simulator.clock import Clock
from streaming.simulator.json_fields import Values
from streaming.simulator.price_path import PricePath

STATUS = "TRADING"  # of every symbol
MAX_WEIGHT, _MINUTE_S = 6000, 60
_BANNED_AFTER = 3  # refused requests of a minute


@dataclass
class WeightLimit:
    """The weight of the last minute's requests, of all clients together."""

    clock: Clock
    _requests: deque[tuple[float, int]] = field(default_factory=deque)
    _refused: int = 0

    def use(self, weight: int) -> int:
        """Add a request; the weight used with it.

        Raises:
            BinanceError: it is too much; `retry_after_s` is for how long.
        """
        now_s = self.clock.now_s()
        while self._requests and self._requests[0][0] <= now_s - _MINUTE_S:
            self._requests.popleft()
        used = self.used() + weight
        if used > MAX_WEIGHT:
            self._refused += 1
            status = 418 if self._refused > _BANNED_AFTER else 429
            message = (
                f"Too much request weight used; current limit is {MAX_WEIGHT} request weight per"
                " 1 MINUTE. Please use WebSocket Streams for live updates to avoid polling the API."
            )
            raise BinanceError(status, -1003, message)
        self._refused = 0
        self._requests.append((now_s, weight))
        return used

    def used(self) -> int:
        """The weight used in the last minute."""
        return sum(weight for _, weight in self._requests)

    def retry_after_s(self) -> int:
        """Seconds until the oldest request counts no more."""
        return int(self._requests[0][0] + _MINUTE_S - self.clock.now_s()) + 1


class BinanceVenue:
    """The listed symbols with their price paths, and what all addresses share."""

    def __init__(self, paths: dict[str, PricePath], clock: Clock) -> None:
        symbols = CONCATENATED.symbols_by_spelling(paths)
        self.symbols = {spelling: paths[symbol] for spelling, symbol in symbols.items()}
        self.assets = {spelling: symbol.split("-") for spelling, symbol in symbols.items()}
        self.clock, self.weight = clock, WeightLimit(clock)

    def path(self, spelling: str | None) -> PricePath:
        """The path of a symbol.

        Raises:
            BinanceError: it is unknown.
        """
        if spelling not in self.symbols:
            raise BinanceError(400, -1121, "Invalid symbol.")
        return self.symbols[spelling]

    def path_of(self, values: Values) -> PricePath:
        """The path of the symbol that `symbol` names.

        Raises:
            BinanceError: it is unknown, or is not of the `symbolStatus` that is asked for.
        """
        path = self.path(values["symbol"])
        if values.get("symbolStatus", STATUS) != STATUS:
            message = "The symbol's status does not match the requested symbolStatus."
            raise BinanceError(400, -1220, message)
        return path

    def names_of_status(self, values: Values) -> list[str]:
        """Of `names`, those of the `symbolStatus` that is asked for.

        Raises:
            BinanceError: as `names`, or the one `symbol` is not of that status.
        """
        names = self.names(values)
        if "symbol" in values:
            self.path_of(values)
        return names if values.get("symbolStatus", STATUS) == STATUS else []

    def names(self, values: Values) -> list[str]:
        """The symbols that `symbol` or `symbols` name; all of them if neither is sent.

        Raises:
            BinanceError: both are sent, or one is unknown.
        """
        if "symbol" in values and "symbols" in values:
            raise BinanceError(400, -1128, "Combination of optional parameters invalid.")
        names = values.get("symbols", [values["symbol"]] if "symbol" in values else None)
        for name in names or ():
            self.path(name)
        return list(self.symbols) if names is None else list(names)
