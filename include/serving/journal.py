"""The trader's journal in Postgres: what it decided, what it holds, what the lake has yet to get.

One commit is one transaction: rows, state and outbox together or not at all. A broken connection
raises Unreachable; the trader then starts over from what is here.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec
import psycopg2
from psycopg2.extras import execute_values

from include.errors import Unreachable
from include.lake.columns import Table
from include.market import wire
from include.market.events import MAIN_ACCOUNT, Message
from include.market.time import from_epoch_us
from include.market.wire import TopicPartition
from include.serving.account_states import HALTED, halt_name
from include.serving.connection import Dsn, connect
from include.serving.tables import SERVED, TRADER_STATE, upsert_with

TABLE_OF_KIND = {
    "decision": SERVED["decisions"],
    "order": SERVED["orders"],
    "fill": SERVED["fills"],
    "balance": SERVED["balances"],
    "score": SERVED["scores"],
}
MAX_SENT_ROWS = 10_000  # while nothing lands: what Kafka has is deleted from here on
_LOCK = 7414

# The decisions of the last day, and the last one before: a price holds until the next one.
PRICED = """
WITH priced AS (SELECT * FROM decisions WHERE rule = %s AND account = %s AND bid > 0 AND ask > 0)
SELECT inputs, bid, ask, reasons FROM priced
WHERE window_start >= coalesce((
    SELECT date_trunc('minute', max(window_start)) FROM priced
    WHERE window_start <= (SELECT max(window_start) FROM priced) - INTERVAL '25 hours'
), '-infinity') ORDER BY window_start"""


class PartitionOffset(NamedTuple):
    """Where Kafka has a record of a topic."""

    partition: int
    offset: int


class PricedDecision(NamedTuple):
    """What a decision saw, its best prices, and its reasons."""

    inputs: str
    bid: Decimal
    ask: Decimal
    reasons: str


@dataclass(frozen=True)
class OutboxRow:
    """A record for Kafka, without `kafka_offset` until it was sent; `id` is its message's `seq`."""

    id: int
    topic: str
    key: bytes
    value: bytes
    kafka_offset: PartitionOffset | None = None


class Journal:
    """The one connection of the one trader of a world."""

    def __init__(self, dsn: Dsn) -> None:
        """Connect and take the trader's lock.

        Raises:
            Unreachable: the server does not answer, or another trader has locked the journal.
        """
        self._connection = connect(dsn)
        with self._transaction() as cursor:
            cursor.execute("SELECT pg_try_advisory_lock(%s)", (_LOCK,))
            is_locked = cursor.fetchone()[0]
        if not is_locked:
            self._connection.close()
            raise Unreachable("another trader is running: it has locked the journal of this world")

    def close(self) -> None:
        """Disconnect, which frees the lock."""
        self._connection.close()

    def state(self) -> dict[str, str]:
        """Every named value of the trader's state."""
        with self._transaction() as cursor:
            cursor.execute("SELECT name, value FROM trader_state")
            return dict(cursor.fetchall())

    def decision_status(
        self, decision_id: str, account_name: str = MAIN_ACCOUNT
    ) -> tuple[bool, str | None]:
        """Whether that decision was made, and why its account is halted (null: it is not)."""
        with self._transaction() as cursor:
            cursor.execute(
                "SELECT EXISTS (SELECT 1 FROM decisions WHERE decision_id = %s),"
                " (SELECT value FROM trader_state WHERE name IN (%s, %s) ORDER BY name LIMIT 1)",
                (decision_id, HALTED, halt_name(account_name)),
            )
            is_decided, halt = cursor.fetchone()
        return bool(is_decided), halt

    def priced_decisions(self, rule: str, account_name: str = MAIN_ACCOUNT) -> list[PricedDecision]:
        """The account's decisions of the last day with best prices, in their windows' order."""
        with self._transaction() as cursor:
            cursor.execute(PRICED, (rule, account_name))
            return [PricedDecision(*row) for row in cursor.fetchall()]

    def commit(self, messages: Sequence[Message], *, state: Mapping[str, str]) -> None:
        """Write the messages' events as rows, the messages into the outbox, and the state."""
        with self._transaction() as cursor:
            for message in messages:
                table = TABLE_OF_KIND[message.kind]
                upsert_with(cursor, table, [event_row(table, event) for event in message.events])
            _insert_outbox(cursor, messages)
            if state:
                rows = [{"name": name, "value": value} for name, value in state.items()]
                upsert_with(cursor, TRADER_STATE, rows)

    def restore(
        self, rows_by_table: Mapping[str, Sequence[Mapping[str, Any]]], *, state: Mapping[str, str]
    ) -> None:
        """Write rows and state that another place has kept, with nothing for the outbox."""
        with self._transaction() as cursor:
            for name, rows in rows_by_table.items():
                upsert_with(cursor, SERVED[name], rows)
            named = [{"name": name, "value": value} for name, value in state.items()]
            upsert_with(cursor, TRADER_STATE, named)

    def outbox(self, *, unsent: bool = False) -> list[OutboxRow]:
        """What the lake does not have yet, in order; with `unsent` what Kafka has to get."""
        condition = 'WHERE "offset" IS NULL' if unsent else ""
        with self._transaction() as cursor:
            cursor.execute(
                'SELECT id, topic, key, value, "partition", "offset" FROM outbox'
                f" {condition} ORDER BY id"
            )
            return [
                OutboxRow(
                    number,
                    topic,
                    bytes(key),
                    bytes(value),
                    None if offset is None else PartitionOffset(partition, offset),
                )
                for number, topic, key, value, partition, offset in cursor.fetchall()
            ]

    def outbox_partitions(self) -> list[TopicPartition]:
        """The topic-partitions of the outbox rows that were sent."""
        with self._transaction() as cursor:
            cursor.execute(
                'SELECT DISTINCT topic, "partition" FROM outbox WHERE "offset" IS NOT NULL'
            )
            return [TopicPartition(topic, partition) for topic, partition in cursor.fetchall()]

    def note_offsets(self, offsets_by_id: Mapping[int, PartitionOffset | None]) -> None:
        """Note where Kafka has outbox rows, by their ids; null: they have to be sent again."""
        values = [(number, *(offset or (None, None))) for number, offset in offsets_by_id.items()]
        if values:
            with self._transaction() as cursor:
                execute_values(
                    cursor,
                    'UPDATE outbox SET "partition" = sent.part, "offset" = sent.at FROM (VALUES %s)'
                    " AS sent (id, part, at) WHERE outbox.id = sent.id",
                    values,
                    template="(%s, %s::integer, %s::bigint)",
                )

    def delete_landed(self, next_offsets: Mapping[TopicPartition, int]) -> None:
        """Delete the outbox rows below the next offsets to land, and those beyond the bound."""
        with self._transaction() as cursor:
            for partition, next_offset in next_offsets.items():
                cursor.execute(
                    'DELETE FROM outbox WHERE topic = %s AND "partition" = %s AND "offset" < %s',
                    (*partition, next_offset),
                )
            cursor.execute(
                'DELETE FROM outbox WHERE "offset" IS NOT NULL AND id <= (SELECT id FROM outbox'
                ' WHERE "offset" IS NOT NULL ORDER BY id DESC OFFSET %s LIMIT 1)',
                (MAX_SENT_ROWS,),
            )

    def next_nonce(self, at_least: int) -> int:
        """A number greater than every earlier one, even if the clock is set back."""
        with self._transaction() as cursor:
            cursor.execute(
                "INSERT INTO trader_state (name, value) VALUES ('nonce', %s)"
                " ON CONFLICT (name) DO UPDATE SET value ="
                " greatest(trader_state.value::bigint + 1, excluded.value::bigint)::text"
                " RETURNING value::bigint",
                (str(at_least),),
            )
            return int(cursor.fetchone()[0])

    @contextmanager
    def _transaction(self) -> Iterator[Any]:
        try:
            with self._connection, self._connection.cursor() as cursor:
                yield cursor
        except (psycopg2.OperationalError, psycopg2.InterfaceError) as error:
            raise Unreachable(f"the connection to Postgres broke: {error}") from error


def _insert_outbox(cursor: Any, messages: Sequence[Message]) -> None:
    if not messages:
        return
    cursor.execute(
        "SELECT nextval(pg_get_serial_sequence('outbox', 'id')) FROM generate_series(1, %s)",
        (len(messages),),
    )
    numbers = sorted(number for (number,) in cursor.fetchall())
    numbered = [
        (number, msgspec.structs.replace(message, seq=(number, number)))
        for number, message in zip(numbers, messages, strict=True)
    ]
    rows = [(n, wire.choose_topic(m), wire.encode_key(m), wire.encode(m)) for n, m in numbered]
    execute_values(cursor, "INSERT INTO outbox (id, topic, key, value) VALUES %s", rows)


def event_row(table: Table, event: Any) -> dict[str, Any]:
    """The event's values by column; its microseconds as times."""
    row = msgspec.structs.asdict(event)
    for column in table.columns:
        if column.type == "timestamp" and row[column.name] is not None:
            row[column.name] = from_epoch_us(row[column.name])
    return row
