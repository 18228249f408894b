"""How far each connection of a venue came whose frames are numbered, as Kafka has it."""

from include.bus.tail import read_tail
from include.errors import WireError
from include.market import wire
from include.market.numbering import frame_range
from include.market.venues import VENUES, BookNumbers
from include.market.wire import Topic

TAIL_RECORDS = 20_000


def last_frames_in_kafka(bootstrap: str, *, venue: str) -> dict[tuple[str, str], tuple[int, int]]:
    """The last frame's number and receipt (µs) by symbol and connection, of the newest records.

    Nothing is read for a venue that numbers no frames.

    Raises:
        Unreachable: the broker does not answer.
    """
    if VENUES[venue].book is not BookNumbers.PER_CONNECTION:
        return {}
    last: dict[tuple[str, str], tuple[int, int]] = {}
    for record in read_tail(bootstrap, [Topic.BOOK], record_count=TAIL_RECORDS):
        try:
            message = wire.decode(record.value)
        except WireError:
            continue
        numbers = frame_range(message) if message.venue == venue else None
        if numbers is not None:
            last[message.symbol, message.conn] = numbers[1], message.received_time
    return last
