"""Messages of the default markets for a benchmark, at whatever times it wants them.

Every venue's default symbols have trades, tickers and book changes, and two pairs have quotes of a
supplier, all near one price path. Numbers are contiguous, but for one trade a day that comes late:
the feed ledger has its gap and its healing.
"""

import random
from collections.abc import Iterator
from decimal import Decimal

from include.market.events import (
    INITIAL,
    BookChange,
    BookSide,
    Event,
    LedgerEntry,
    Message,
    Quote,
    Ticker,
    Top,
    Trade,
)
from include.market.time import DAY_US
from include.market.venues import BINANCE, VENUES

MARKETS = [(name, symbol) for name, venue in VENUES.items() for symbol in venue.default_symbols]
QUOTED = (("BTC-USD", "USD"), ("BTC-EUR", "EUR"))
SUPPLIER, CONN = "coinbase", "endurance"
LATE = (BINANCE.name, BINANCE.default_symbols[0])
LEVELS = 20
BOOK_CHANGES = 6  # for each trade and ticker
CYCLE = [
    *((kind, market) for market in MARKETS for kind in ("trade", *["book"] * BOOK_CHANGES)),
    *(("ticker", market) for market in MARKETS),
    *(("quote", pair) for pair in QUOTED),
]
PRICES = {"BTC": Decimal(67_000), "ETH": Decimal(3_500)}


class DefaultMarkets:
    """The markets from their first message on; a seed gives the same messages again."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)
        self._numbers = dict.fromkeys([*MARKETS, *((venue, "book") for venue in VENUES)], 1_000_000)
        self._books = {market: _Book(PRICES[_base(market)], self._chance) for market in MARKETS}
        self._drift = 0
        self._late: Message | None = None

    def day(self, from_us: int, count: int) -> Iterator[Message]:
        """The messages of the day that begins at `from_us`, evenly apart: about `count`."""
        for venue in VENUES:
            yield _make_message(
                (venue, ""), LedgerEntry("connect", "a new day"), kind="ledger", at_us=from_us
            )
        for market in MARKETS:
            yield self._snapshot(market, from_us)
        for number in range(count):
            at_us = from_us + number * DAY_US // count
            kind, market = CYCLE[number % len(CYCLE)]
            if number == count // 2:
                yield from self._hold_back(at_us)
            elif number == count // 2 + count // 24:
                yield from self._heal(at_us)
            yield self._make(kind, market, at_us)

    def _make(self, kind: str, market: tuple[str, str], at_us: int) -> Message:
        if kind == "trade":
            return self._trade(market, at_us)
        if kind == "book":
            return self._book(market, at_us)
        if kind == "ticker":
            price = self._price(market[1])
            ticker = Ticker(last=price, bid=price - 1, ask=price + 1, trade_count=1000)
            return _make_message(market, ticker, kind=kind, at_us=at_us)
        symbol, currency = market
        quote = Quote(price=self._price(symbol), currency=currency)
        return _make_message((SUPPLIER, symbol), quote, kind=kind, at_us=at_us)

    def _trade(self, market: tuple[str, str], at_us: int) -> Message:
        number = self._next(market)
        trade = Trade(
            trade_id=str(number),
            price=self._price(market[1]),
            quantity=Decimal(self._chance.randrange(1, 10**6)).scaleb(-6),
            side=self._chance.choice(("buy", "sell")),
            traded_at=at_us,
            first_trade_id=number,
            last_trade_id=number,
        )
        return _make_message(market, trade, kind="trade", at_us=at_us, number=number)

    def _book(self, market: tuple[str, str], at_us: int) -> Message:
        change = self._books[market].change()
        return self._book_message(market, at_us, change)

    def _snapshot(self, market: tuple[str, str], at_us: int) -> Message:
        return self._book_message(market, at_us, *self._books[market].snapshot())

    def _book_message(
        self, market: tuple[str, str], at_us: int, *book_changes: BookChange
    ) -> Message:
        number, top = self._next((market[0], "book")), self._books[market].top()
        return _make_message(
            market, *book_changes, kind="book", at_us=at_us, number=number, top=top
        )

    def _hold_back(self, at_us: int) -> Iterator[Message]:
        """A trade that does not come, and the ledger's word for it."""
        self._late = self._trade(LATE, at_us)
        assert self._late.seq is not None
        gap = LedgerEntry("gap", "endurance", *self._late.seq)
        yield _make_message(LATE, gap, kind="ledger", at_us=at_us)

    def _heal(self, at_us: int) -> Iterator[Message]:
        """It comes after all, as healing publishes it."""
        if self._late is not None:
            assert self._late.seq is not None
            yield self._late
            entry = LedgerEntry("healed", "late", *self._late.seq)
            yield _make_message(LATE, entry, kind="ledger", at_us=at_us)
        self._late = None

    def _next(self, sequence: tuple[str, str]) -> int:
        self._numbers[sequence] += 1
        return self._numbers[sequence]

    def _price(self, symbol: str) -> Decimal:
        """A walk that stays within a thousandth of where it began."""
        self._drift = max(-500, min(500, self._drift + self._chance.randrange(-20, 21)))
        return PRICES[symbol.partition("-")[0]] * (1 + Decimal(self._drift).scaleb(-6))


class _Book:
    """Some levels of each side about a price; what changes is how much lies at one of them."""

    def __init__(self, price: Decimal, chance: random.Random) -> None:
        self._chance = chance
        steps = range(1, LEVELS + 1)
        self._remaining: dict[BookSide, dict[Decimal, Decimal]] = {
            "bid": {price - step: self._draw_quantity() for step in steps},
            "ask": {price + step: self._draw_quantity() for step in steps},
        }

    def change(self) -> BookChange:
        """A level's new quantity."""
        side: BookSide = self._chance.choice(("bid", "ask"))
        level = self._chance.choice(list(self._remaining[side]))
        self._remaining[side][level] = self._draw_quantity()
        return BookChange(side=side, price=level, remaining=self._remaining[side][level])

    def snapshot(self) -> Iterator[BookChange]:
        """All levels, as a connection begins with them."""
        for side, remaining in self._remaining.items():
            for level, quantity in remaining.items():
                yield BookChange(side=side, price=level, remaining=quantity, reason=INITIAL)

    def top(self) -> Top:
        """The best of both sides."""
        bid, bid_quantity = max(self._remaining["bid"].items())
        ask, ask_quantity = min(self._remaining["ask"].items())
        return Top(bid=bid, bid_quantity=bid_quantity, ask=ask, ask_quantity=ask_quantity)

    def _draw_quantity(self) -> Decimal:
        return Decimal(self._chance.randrange(1, 10**6)).scaleb(-4)


def _base(market: tuple[str, str]) -> str:
    return market[1].partition("-")[0]


def _make_message(
    market: tuple[str, str],
    *events: Event,
    kind: str,
    at_us: int,
    number: int | None = None,
    top: Top | None = None,
) -> Message:
    venue, symbol = market
    return Message(
        venue=venue,
        symbol=symbol,
        kind=kind,
        conn=CONN,
        seq=None if number is None else (number, number),
        venue_time=at_us,
        received_time=at_us,
        events=events,
        top=top,
    )
