"""From the journal's outbox to Kafka, in order, without loss or repeats across a kill.

A row may have been sent and not yet deleted when the process died. Every message carries its
row's id as `seq` and the journal's name as `conn`; before the first send the topics' tails say
how far Kafka had got.
"""

from typing import Self

from include.bus import Producer
from include.bus.tail import read_tail
from include.errors import Unreachable, WireError
from include.market import wire
from include.serving.journal import Journal, OutboxRow
from streaming.trader.kill_points import SENT, KillPoints

TAIL_RECORDS = 500
FLUSH_S, CLOSE_S = 4.0, 1.0  # SIGTERM has to end the trader within 5 s


class Publisher:
    """Sends the rows of the journal's outbox."""

    def __init__(
        self, bootstrap: str, *, journal: Journal, conn: str, kill_points: KillPoints
    ) -> None:
        """Connect, and drop the rows that an earlier process had sent.

        Raises:
            Unreachable: Kafka or Postgres does not answer.
        """
        self._journal, self._kill_points = journal, kill_points
        if rows := journal.outbox():
            journal.delete_sent(_ids_in_kafka(bootstrap, rows, conn=conn))
        self._producer = Producer(bootstrap, client_id="trader")

    def flush(self) -> None:
        """Send the outbox, wait for the acknowledgements, and forget it.

        Raises:
            Unreachable: Kafka or Postgres does not answer.
        """
        if rows := self._journal.outbox():
            for row in rows:
                self._producer.send(row.topic, row.key, row.value)
            self._producer.flush(FLUSH_S)
            self._kill_points.reached(SENT)
            self._journal.delete_sent([row.id for row in rows])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _trace: object
    ) -> None:
        """Disconnect. After an error what is not delivered stays in the journal."""
        try:
            self._producer.close(timeout_s=CLOSE_S)
        except Unreachable:
            if error is None:
                raise


def _ids_in_kafka(bootstrap: str, outbox_rows: list[OutboxRow], *, conn: str) -> list[int]:
    topics = sorted({row.topic for row in outbox_rows})
    last = _last_numbers(bootstrap, topics, conn=conn)
    return [row.id for row in outbox_rows if row.id <= last.get(row.topic, 0)]


def _last_numbers(bootstrap: str, topics: list[str], *, conn: str) -> dict[str, int]:
    """The highest outbox id of this journal in the tail of each topic."""
    last = dict.fromkeys(topics, 0)
    for record in read_tail(bootstrap, topics, record_count=TAIL_RECORDS):
        last[record.topic] = max(last[record.topic], _number(record.value, conn))
    return last


def _number(message_bytes: bytes, conn: str) -> int:
    try:
        message = wire.decode(message_bytes)
    except WireError:
        return 0
    return message.seq[0] if message.seq and message.conn == conn else 0
