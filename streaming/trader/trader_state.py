"""The trader's state in the journal, and the messages that report what it did."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from include.bus import TopicPartition
from include.clock import now_us
from include.market.events import Balance, Event, Message, Order
from include.serving.journal import Journal
from include.trading.account import Account


@dataclass(frozen=True)
class TraderState:
    """What the journal holds at the start. `conn` identifies this journal permanently.

    `offsets` are the next Kafka offsets to read; `intent` is an order of unknown outcome.
    """

    conn: str
    account: Account | None = None
    last_window: int = -1
    offsets: dict[TopicPartition, int] = field(default_factory=dict)
    intent: Order | None = None


def load_state(journal: Journal) -> TraderState:
    """The state of this world's trader; a new one has a name alone.

    Raises:
        Unreachable: Postgres does not answer.
    """
    rows = journal.state()
    if "journal" not in rows:
        rows["journal"] = f"trader-{uuid.uuid4().hex[:12]}"
        journal.commit([], state={"journal": rows["journal"]})
    intent, account = rows.get("intent"), rows.get("account")
    offsets = msgspec.json.decode(rows.get("offsets", "[]"), type=list[tuple[str, int, int]])
    return TraderState(
        conn=rows["journal"],
        account=msgspec.json.decode(account, type=Account) if account else None,
        last_window=int(rows.get("last_window", -1)),
        offsets={TopicPartition(topic, partition): offset for topic, partition, offset in offsets},
        intent=msgspec.json.decode(intent, type=Order) if intent else None,
    )


def state_rows(
    account: Account,
    *,
    last_window: int,
    offsets: Mapping[TopicPartition, int],
    intent: Order | None,
) -> dict[str, str]:
    """The named values that `load_state` reads again."""
    triples = [(topic, partition, offset) for (topic, partition), offset in offsets.items()]
    return {
        "account": _text(account),
        "last_window": str(last_window),
        "offsets": _text(triples),
        "intent": _text(intent) if intent else "",
    }


class MessageFactory:
    """Makes the trader's messages: one symbol of one venue, one journal."""

    def __init__(self, *, venue: str, symbol: str, conn: str) -> None:
        """`conn` is the journal's name."""
        self._venue, self._symbol, self._conn = venue, symbol, conn

    def message(self, kind: str, events: tuple[Event, ...], *, window_end: int | None) -> Message:
        """A message of one kind; `window_end` (µs) is that of the window it follows from."""
        return Message(
            venue=self._venue,
            symbol=self._symbol,
            kind=kind,
            conn=self._conn,
            seq=None,
            venue_time=window_end,
            received_time=now_us(),
            events=events,
        )

    def balances(
        self, account: Account, *, order_id: str | None, window_end: int | None
    ) -> Message:
        """What the account holds of both currencies."""
        base, _, quote = self._symbol.partition("-")
        events = (
            Balance(quote, account.quote, order_id, account.quote_available),
            Balance(base, account.base, order_id, account.base_available),
        )
        return self.message("balance", events, window_end=window_end)


def _text(state_value: object) -> str:
    return msgspec.json.encode(state_value).decode()
