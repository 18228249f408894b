"""A market of the tests' own on a real broker: one feed's messages, until it is stopped."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal

from include.bus import Producer
from include.market.auction import Auction
from include.market.events import (
    Balance,
    BookChange,
    Event,
    LedgerEntry,
    Message,
    Ticker,
    Top,
    Trade,
)

EVERY_S = 0.2


class Market:
    """Sends a trade and a book top of gemini and a trade of kraken every fifth of a second.

    Beside them are a contract's ticker of deribit, and auctions of gemini.
    """

    def __init__(self, bootstrap: str, *, symbols: tuple[str, ...]) -> None:
        self._symbols = symbols
        self._producer = Producer(bootstrap, client_id="market")
        self._stop, self.silent, self._number = threading.Event(), threading.Event(), 0
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        self._send("gemini", "ledger", LedgerEntry("connect", "start"))
        self._send("gemini", "balance", Balance("USD", Decimal(10_000)))
        while not self._stop.wait(EVERY_S):
            if not self.silent.is_set():
                self.turn()

    def turn(self) -> None:
        self._number += 1
        for symbol, level in zip(self._symbols, (9000, 600, 80), strict=False):
            self._turn(symbol, Decimal(level + self._number))
        self.signal("imbalance", "0.5")
        self._turn_contract(Decimal(9000 + self._number))

    def _turn_contract(self, price: Decimal) -> None:
        ticker = Ticker(
            last=price,
            mark_price=price + 3,
            index_price=price,
            open_interest=Decimal(14_000 + self._number % 7),
            funding_8h=Decimal(self._number % 9 - 3) / 100_000,
        )
        self._send("deribit", "ticker", ticker, symbol="BTC-PERPETUAL")
        phase = "indicative" if self._number % 5 else "result"
        at = time.time_ns() // 1000
        auction = Auction(phase, at, price=price + self._number % 3, quantity=Decimal("1.25"))
        self._send("gemini", "auction", auction)

    def _turn(self, symbol: str, price: Decimal) -> None:
        for venue, dearer in (("gemini", 0), ("kraken", 40)):
            side = "buy" if self._number % 2 else "sell"
            at = time.time_ns() // 1000
            trade = Trade(str(self._number), price + dearer, Decimal("0.5"), side, at)  # type: ignore[arg-type]
            self._send(venue, "trade", trade, symbol=symbol)
        top = Top(price - 1, Decimal(3), price + 1, Decimal(1))
        self._send(
            "gemini", "book", BookChange("bid", price - 1, Decimal(3)), top=top, symbol=symbol
        )
        self.signal("mid_price", str(price), symbol=symbol)

    def signal(self, kind: str, value: str, *, symbol: str = "BTC-USD") -> None:
        """One number as the stream reports it."""
        now = time.time_ns() // 1000
        fields = {
            "v": 1,
            "venue": "gemini",
            "symbol": symbol,
            "type": kind,
            "value": value,
            "timestamp": now,
            "window_start": now - 60_000_000,
        }
        self._producer.send(
            "market.signals", f"gemini|{symbol}".encode(), json.dumps(fields).encode()
        )

    def _send(
        self,
        venue: str,
        kind: str,
        *events: Event,
        top: Top | None = None,
        symbol: str = "BTC-USD",
    ) -> None:
        now = time.time_ns() // 1000
        self._producer.publish(
            Message(
                venue=venue,
                symbol=symbol,
                kind=kind,
                conn="t",
                seq=None,
                venue_time=now if kind in {"trade", "book", "auction"} else None,
                received_time=now,
                events=events,
                top=top,
            )
        )

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._stop.set()
        self._thread.join()
        self._producer.close()


@contextmanager
def market(bootstrap: str, *, symbols: tuple[str, ...] = ("BTC-USD",)) -> Iterator[Market]:
    feed = Market(bootstrap, symbols=symbols)
    feed.start()
    try:
        yield feed
    finally:
        feed.close()
