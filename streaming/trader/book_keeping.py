"""The trader's state in the journal, and the messages that tell what it did."""

import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from include.bus import TopicPartition
from include.market.events import Balance, Event, Message, Order
from include.serving.journal import Journal
from include.trading.account import Account


@dataclass(frozen=True)
class Books:
    """What the journal says at the start. `conn` names this journal for good."""

    conn: str
    account: Account | None = None
    last_window: int = -1
    positions: dict[TopicPartition, int] = field(default_factory=dict)
    intent: Order | None = None


def opened(journal: Journal) -> Books:
    """The books of this world, begun if there are none.

    Raises:
        Unreachable: Postgres does not answer.
    """
    state = journal.state()
    if "journal" not in state:
        state["journal"] = f"trader-{uuid.uuid4().hex[:12]}"
        journal.commit([], state={"journal": state["journal"]})
    intent, account = state.get("intent"), state.get("account")
    places = msgspec.json.decode(state.get("positions", "[]"), type=list[tuple[str, int, int]])
    return Books(
        conn=state["journal"],
        account=msgspec.json.decode(account, type=Account) if account else None,
        last_window=int(state.get("last_window", -1)),
        positions={TopicPartition(topic, partition): offset for topic, partition, offset in places},
        intent=msgspec.json.decode(intent, type=Order) if intent else None,
    )


def state_of(
    account: Account,
    *,
    last_window: int,
    positions: Mapping[TopicPartition, int],
    intent: Order | None,
) -> dict[str, str]:
    """The named values that `opened` reads again."""
    places = [(topic, partition, offset) for (topic, partition), offset in positions.items()]
    return {
        "account": _text(account),
        "last_window": str(last_window),
        "positions": _text(places),
        "intent": _text(intent) if intent else "",
    }


class Teller:
    """Makes the trader's messages: one symbol of one venue, one journal."""

    def __init__(self, *, venue: str, symbol: str, conn: str) -> None:
        """`conn` is the journal's name."""
        self._venue, self._symbol, self._conn = venue, symbol, conn

    def message(self, kind: str, events: tuple[Event, ...], *, at: int | None) -> Message:
        """A message of one kind; `at` (µs) is the end of the window that it follows from."""
        return Message(
            venue=self._venue,
            symbol=self._symbol,
            kind=kind,
            conn=self._conn,
            seq=None,
            venue_time=at,
            received_time=time.time_ns() // 1000,
            events=events,
        )

    def balances(self, account: Account, *, order_id: str | None, at: int | None) -> Message:
        """What the account holds of both currencies."""
        base, _, quote = self._symbol.partition("-")
        events = (Balance(quote, account.quote, order_id), Balance(base, account.base, order_id))
        return self.message("balance", events, at=at)


def _text(value: object) -> str:
    return msgspec.json.encode(value).decode()
