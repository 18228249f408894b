"""Prices that suppliers report in trades, tickers and quotes, as the stream takes them. Pure."""

from collections.abc import Iterator
from decimal import Decimal
from typing import NamedTuple

from include.market.events import Message, Quote, Ticker, Trade
from include.market.time import clock_time, is_believable


class SupplierPrice(NamedTuple):
    """One price; `at_us` is the venue's time, else (and where that is wrong) that of receipt."""

    supplier: str
    symbol: str
    at_us: int
    price: Decimal


def prices_of(message: Message) -> Iterator[SupplierPrice]:
    """The prices of a message; a quote's symbol is its base in the currency of its price.

    Of trades those of the continuous book alone: the price of an auction or of a block trade was
    not to be had by anybody else at that moment.
    """
    at = message.received_time if message.venue_time is None else message.venue_time
    for event in message.events:
        if isinstance(event, Trade) and event.condition is None:
            price = SupplierPrice(message.venue, message.symbol, event.traded_at, event.price)
        elif isinstance(event, Ticker) and event.last is not None:
            price = SupplierPrice(message.venue, message.symbol, at, event.last)
        elif isinstance(event, Quote):
            symbol = f"{message.symbol.partition('-')[0]}-{event.currency}"
            price = SupplierPrice(message.venue, symbol, at, event.price)
        else:
            continue
        if counted := count_price(price, message.received_time):
            yield counted


def count_price(price: SupplierPrice, received_time: int) -> SupplierPrice | None:
    """The price at a time that may move a clock; null if it is not above zero or not believed."""
    if price.price <= 0 or not is_believable(price.at_us, received_time):
        return None
    return price._replace(at_us=clock_time(price.at_us, received_time))
