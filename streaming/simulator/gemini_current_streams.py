"""The streams of one symbol of Gemini's current service, to one connection; times in ns.

Source: gemini/developer-platform `specs/asyncapi/websocket.yaml` v0.10.7. Pure but for the market.
"""

import json
from collections.abc import Iterator
from decimal import Decimal

from streaming.simulator.gemini_market import GeminiMarket, MarketUpdate
from streaming.simulator.json_fields import Fields

KINDS = ("depth", "depth@100ms", "trade", "bookTicker")
_NS_PER_MS = 1_000_000


class SymbolStreams:
    """Books by `U`/`u`, conflated; trades; best prices. `snapshot` is that of the URL."""

    def __init__(self, market: GeminiMarket, snapshot: int) -> None:
        self._market, self._snapshot = market, snapshot
        self._streams: dict[str, int] = {}  # by kind, the last event that was sent

    def names(self) -> list[str]:
        """What is subscribed to."""
        return [f"{self._market.symbol}@{kind}" for kind in self._streams]

    def end(self, kind: str) -> None:
        """Unsubscribe from a stream."""
        self._streams.pop(kind, None)

    def begin(self, kind: str) -> Iterator[str]:
        """Subscribe to a stream; depth begins with the book if the URL asks for it."""
        self._streams[kind] = self._market.event_id
        if kind.startswith("depth") and self._snapshot:
            levels = levels_of(self._market, self._snapshot, "b", "a")
            at = self._market.event_id
            yield self._update(at, at, levels["b"], levels["a"])

    def updates(self, batch: list[MarketUpdate]) -> Iterator[str]:
        """The messages of this symbol's updates: one change of the book, and each trade."""
        for kind, since in list(self._streams.items()):
            new_updates = [update for update in batch if update.event_id > since]
            if not new_updates:
                continue
            self._streams[kind] = new_updates[-1].event_id
            if kind == "trade":
                yield from self._trades(new_updates)
            elif kind == "bookTicker":
                yield self._best(new_updates[-1].event_id)
            else:
                yield self._depth(new_updates)

    def _trades(self, new_updates: list[MarketUpdate]) -> Iterator[str]:
        for update in new_updates:
            for event in update.events:
                if event.get("makerSide") in {"bid", "ask"}:  # of the continuous book
                    yield to_json(
                        {
                            "E": update.at_ms * _NS_PER_MS,
                            "s": self._market.symbol,
                            "t": update.event_id,
                            "p": event["price"],
                            "q": event["amount"],
                            "m": event["makerSide"] == "bid",
                        }
                    )

    def _best(self, event_id: int) -> str:
        levels = levels_of(self._market, 1, "b", "a")
        (bid, bids), (ask, asks) = levels["b"][0], levels["a"][0]
        return to_json(
            {
                "u": event_id,
                "E": self._now_ns(),
                "s": self._market.symbol,
                "b": bid,
                "B": bids,
                "a": ask,
                "A": asks,
                "c": f"{self._market.book.last}",
                "C": "0.01",
            }
        )

    def _depth(self, new_updates: list[MarketUpdate]) -> str:
        changes: dict[str, dict[object, object]] = {"bid": {}, "ask": {}}
        for event in (event for update in new_updates for event in update.events):
            if event["type"] == "change":
                changes[str(event["side"])][event["price"]] = event["remaining"]
        bids, asks = (list(map(list, changes[side].items())) for side in ("bid", "ask"))
        return self._update(new_updates[0].event_id, new_updates[-1].event_id, bids, asks)

    def _update(self, first_id: int, last_id: int, bids: object, asks: object) -> str:
        return to_json(
            {
                "e": "depthUpdate",
                "E": self._now_ns(),
                "s": self._market.symbol,
                "U": first_id,
                "u": last_id,
                "b": bids,
                "a": asks,
            }
        )

    def _now_ns(self) -> int:
        return self._market.clock.now_us() * 1000


def levels_of(market: GeminiMarket, depth: int, bids: str, asks: str) -> Fields:
    """The best levels of both sides, under these names; a negative depth gives all."""

    def side(levels: dict[Decimal, Decimal], *, best_last: bool) -> list[list[str]]:
        ranked = sorted(levels.items(), reverse=best_last)
        return [[f"{p:f}", f"{q:f}"] for p, q in (ranked if depth < 0 else ranked[:depth])]

    sides = market.book.sides
    return {bids: side(sides["bid"], best_last=True), asks: side(sides["ask"], best_last=False)}


def to_json(document: object) -> str:
    """A message's text."""
    return json.dumps(document, separators=(",", ":"))
