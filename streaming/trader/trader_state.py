"""The trader's state in the journal, and the messages that report what it did."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from include.bus import TopicPartition
from include.clock import now_us
from include.market.events import MAIN_ACCOUNT, Balance, Event, Message, Order
from include.serving.account_states import state_name
from include.serving.journal import Journal
from include.trading.account import Account

STATE = ("account", "last_window", "offsets", "topic_ids", "intent")


@dataclass(frozen=True)
class TraderState:
    """What the journal holds at the start. `conn` identifies this journal permanently.

    `offsets` are the next Kafka offsets to read, `topic_ids` the ids of their topics; `intent` is
    an order of unknown outcome.
    """

    conn: str
    account: Account | None = None
    last_window: int = -1
    offsets: dict[TopicPartition, int] = field(default_factory=dict)
    topic_ids: dict[str, str] = field(default_factory=dict)
    intent: Order | None = None


def load_state(journal: Journal, account_name: str = MAIN_ACCOUNT) -> TraderState:
    """The state of one of the trader's accounts; a new one has the journal's name alone.

    Raises:
        Unreachable: Postgres does not answer.
    """
    every_row = journal.state()
    if "journal" not in every_row:
        every_row["journal"] = f"trader-{uuid.uuid4().hex[:12]}"
        journal.commit([], state={"journal": every_row["journal"]})
    rows = {name: every_row.get(state_name(account_name, name), "") for name in STATE}
    amounts, intent = rows["account"], rows["intent"]
    offsets = msgspec.json.decode(rows["offsets"] or "[]", type=list[tuple[str, int, int]])
    return TraderState(
        conn=every_row["journal"],
        account=msgspec.json.decode(amounts, type=Account) if amounts else None,
        last_window=int(rows["last_window"] or -1),
        offsets={TopicPartition(topic, partition): offset for topic, partition, offset in offsets},
        topic_ids=msgspec.json.decode(rows["topic_ids"] or "{}", type=dict[str, str]),
        intent=msgspec.json.decode(intent, type=Order) if intent else None,
    )


def state_rows(
    account: Account,
    *,
    last_window: int,
    offsets: Mapping[TopicPartition, int],
    intent: Order | None,
    name: str = MAIN_ACCOUNT,
) -> dict[str, str]:
    """The named values that `load_state` reads again; `name` is that of the account."""
    return offset_rows(offsets, name=name) | {
        state_name(name, "account"): _text(account),
        state_name(name, "last_window"): str(last_window),
        state_name(name, "intent"): _text(intent) if intent else "",
    }


def offset_rows(offsets: Mapping[TopicPartition, int], *, name: str) -> dict[str, str]:
    """The named value of the offsets alone: where an account that has decided nothing begins."""
    triples = [(topic, partition, offset) for (topic, partition), offset in offsets.items()]
    return {state_name(name, "offsets"): _text(triples)}


def start_rows(
    offsets: Mapping[TopicPartition, int], topic_ids: Mapping[str, str], *, name: str
) -> dict[str, str]:
    """The named values of where an account begins: its offsets, and the ids of their topics."""
    return offset_rows(offsets, name=name) | {state_name(name, "topic_ids"): _text(dict(topic_ids))}


class MessageFactory:
    """Makes the messages of one account: one symbol of one venue, one journal."""

    def __init__(
        self, *, venue: str, symbol: str, conn: str, account_name: str = MAIN_ACCOUNT
    ) -> None:
        """`conn` is the journal's name."""
        self._venue, self._symbol, self._conn = venue, symbol, conn
        self._account_name = account_name

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
            Balance(quote, account.quote, order_id, account.quote_available, self._account_name),
            Balance(base, account.base, order_id, account.base_available, self._account_name),
        )
        return self.message("balance", events, window_end=window_end)


def _text(state_value: object) -> str:
    return msgspec.json.encode(state_value).decode()
