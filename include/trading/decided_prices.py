"""The mid prices that decisions were made at, again from what was recorded of them. Pure."""

from collections.abc import Iterable, Iterator
from decimal import Decimal

from include.errors import WireError
from include.market.anchoring import last_closed_minute
from include.market.volatility import DayOfPrices
from include.trading.inputs import read
from include.trading.reasons import Reason, parse_reasons


def decided_prices(
    decisions: Iterable[tuple[str, Decimal, Decimal, str]], *, venue: str, symbol: str
) -> DayOfPrices:
    """The prices of decisions (inputs, bid, ask, reasons) on signals of this venue and symbol.

    In the order of their windows they give what the strategy that made them has in memory. One
    whose inputs cannot be read is left out.
    """
    return DayOfPrices(decided_minutes(decisions, venue=venue, symbol=symbol))


def decided_minutes(
    decisions: Iterable[tuple[str, Decimal, Decimal, str]], *, venue: str, symbol: str
) -> Iterator[tuple[int, float]]:
    """The same prices with the labels of their minutes (µs)."""
    for inputs, bid, ask, reasons in decisions:
        try:
            signal = read(inputs).signal
        except WireError:
            continue
        is_own = (signal.venue, signal.symbol) == (venue, symbol)
        if is_own and Reason.SIGNAL_LATE not in parse_reasons(reasons):
            yield last_closed_minute(signal.timestamp), float((bid + ask) / 2)
