"""The messages of a connection to Gemini's order events v1: acknowledged, then arrays of events.

Source: docs.gemini.com, "Order events". Pure but for the account.
"""

import json
from collections.abc import Iterator
from itertools import count

from multidict import MultiMapping

from streaming.simulator.gemini_account import GeminiAccount
from streaming.simulator.gemini_market import MarketUpdate
from streaming.simulator.gemini_parameters import GeminiError, read_flag, read_one_of, read_symbol
from streaming.simulator.json_fields import Fields

KINDS = (
    *("initial", "accepted", "rejected", "booked", "fill"),
    *("cancelled", "cancel_rejected", "closed"),
)
_FILTERS = {"symbolFilter": "symbol", "apiSessionFilter": "api_session", "eventTypeFilter": "type"}
_FIRST_ACCOUNT = 1


class OrderEvents:
    """The events that pass the filters of the URL; each message has the next number."""

    def __init__(self, account: GeminiAccount, url_query: MultiMapping[str], key: str) -> None:
        self._account, self._key = account, key
        self._filters = {name: url_query.getall(name, []) for name in _FILTERS}
        try:
            self._filters["symbolFilter"] = list(map(read_symbol, self._filters["symbolFilter"]))
            list(map(read_one_of(*KINDS), self._filters["eventTypeFilter"]))
        except ValueError as error:
            raise GeminiError(400, "Bad Request", str(error)) from None
        self._sends_heartbeats = read_flag(url_query, "heartbeat", otherwise=True)
        self._numbers, self._beats = count(), count()

    def opening_messages(self) -> Iterator[str]:
        """The acknowledgement, then the live orders."""
        yield _json(
            {
                "type": "subscription_ack",
                "accountId": _FIRST_ACCOUNT,
                "subscriptionId": f"ws-order-events-{self._account.clock.now_us()}",
                **self._filters,
            }
        )
        live = [order for order in self._account.orders if order["is_live"]]
        yield from self._send([self._account.event_of("initial", order) for order in live])

    def answer(self, text: str) -> Iterator[str]:
        """Nothing: this service takes no requests."""
        yield from ()

    def updates(self, batch: list[MarketUpdate]) -> Iterator[str]:
        """An array for each update."""
        for update in batch:
            yield from self._send(update.events)

    def heartbeat(self) -> Iterator[str]:
        """A heartbeat, unless the URL refused them."""
        if self._sends_heartbeats:
            number, now_ms = next(self._numbers), self._account.clock.now_ms()
            head = {"type": "heartbeat", "timestampms": now_ms, "sequence": next(self._beats)}
            yield _json({**head, "trace_id": f"{now_ms:032x}", "socket_sequence": number})

    def _send(self, events: list[Fields]) -> Iterator[str]:
        marked = [event | {"api_session": self._key} for event in events]
        if passed := [event for event in marked if self._passes(event)]:
            number = next(self._numbers)
            yield _json([event | {"socket_sequence": number} for event in passed])

    def _passes(self, order_event: Fields) -> bool:
        return all(
            not self._filters[name] or order_event[field] in self._filters[name]
            for name, field in _FILTERS.items()
        )


def _json(document: object) -> str:
    return json.dumps(document, separators=(",", ":"))
