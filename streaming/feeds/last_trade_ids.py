"""How far each feed came: the last trade ids that Kafka acknowledged, kept in a small file.

After a kill the feed starts from them, so that what was never acknowledged shows as a gap. What
was sent and not acknowledged counts as unknown, never as delivered. What Kafka has counts before
the file: a broker that lost its newest records is asked again, and a damaged file is replaced.
Beside an id lies when the newest trade was made, by which a venue that begins again is recognised.
"""

import logging
from collections import deque
from collections.abc import Iterable, Mapping
from pathlib import Path

from include.bus import KafkaRecord, SpooledRecord
from include.bus.tail import read_tail
from include.errors import StateError, WireError
from include.log import event
from include.market import wire
from include.market.events import Message, Trade
from include.market.numbering import trade_range
from include.market.venues import HEALING, VENUES, TradeNumbers
from include.market.wire import Topic
from include.state_files import read_checked_file, write_checked_file
from streaming.feeds.newest_number import NewestNumber
from streaming.feeds.trade_sequence import ID_JUMP, JUMP

TAIL_RECORDS = 5000
NEWEST = "|newest"  # ends the key of a time, as in what the connections of a feed share

log = logging.getLogger("tickhouse.feeds")


class LastTradeIds:
    """Last ids by symbol of one venue, `by_symbol`: of trades that Kafka has acknowledged.

    `newest_us` are when the newest of these trades were made, by `SYMBOL|newest`.
    """

    def __init__(self, path: Path) -> None:
        """Read what an earlier process left; a damaged file is reported and counts as none."""
        self._path = path
        self.by_symbol: dict[str, int] = {}
        self.newest_us: dict[str, int] = {}
        self._take(_read(path))
        self._counters: dict[str, NewestNumber] = {}
        self._saved = self.shared_numbers
        self._sent_ids: dict[str, int] = {}
        self._waiting: deque[tuple[int, dict[str, int]]] = deque()

    @property
    def shared_numbers(self) -> dict[str, int]:
        """What the connections of a feed begin with: ids, and times of newest trades."""
        return self.by_symbol | self.newest_us

    def _take(self, ids: Mapping[str, int]) -> None:
        for key, number in ids.items():
            of_kind = self.newest_us if key.endswith(NEWEST) else self.by_symbol
            of_kind[key] = number

    def resume(self, in_kafka: Mapping[str, int], spooled: Iterable[SpooledRecord]) -> None:
        """Go on from the last ids in Kafka and, behind them, from what waits in the spool.

        Where Kafka lost what the file counts as delivered, its own last id is the newest. A hole
        between the two, or in the spool, is another's to report (`include.bus.spool_holes`).
        """
        for symbol, last in in_kafka.items():
            if last >= self.by_symbol.get(symbol, last):
                continue
            log.warning(
                event(
                    "kafka lost acknowledged trades",
                    symbol=symbol,
                    last_id_in_kafka=last,
                    last_id_acknowledged=self.by_symbol[symbol],
                )
            )
        self._take(in_kafka)
        for record in spooled:
            message = _trade_message(record.topic, record.value)
            if message is not None and (newest := self._count_newest(message)) is not None:
                self.by_symbol[message.symbol] = newest
                _count_time(self.newest_us, message)

    def advance(self, ids: Mapping[str, int]) -> None:
        """Take over what another process of the feed counts as delivered, where it is further."""
        counted = self.shared_numbers
        self._take({key: max(number, counted.get(key, number)) for key, number in ids.items()})

    def count_sent(self, kafka_record: KafkaRecord, message: Message | None) -> None:
        """Take note of what was handed to the producer: topic, key, value; its message if known."""
        topic, _, value = kafka_record
        if topic != Topic.TRADES:
            return
        message = message or _trade_message(topic, value)
        if message is not None and (newest := self._count_newest(message)) is not None:
            self._sent_ids[message.symbol] = newest
            _count_time(self._sent_ids, message)

    def acknowledge(self, *, sent_count: int, through: int) -> None:
        """Count the trades that are safe: those of the first `through` of all records sent.

        What was sent since the last call counts together, once all of it is acknowledged.
        """
        if self._sent_ids:
            self._waiting.append((sent_count, self._sent_ids))
            self._sent_ids = {}
        while self._waiting and self._waiting[0][0] <= through:
            _, ids = self._waiting.popleft()
            for key in ids.keys() & self.newest_us.keys():
                ids[key] = max(ids[key], self.newest_us[key])
            self._take(ids)

    def save(self) -> None:
        """Write the ids if they changed, whole or not at all."""
        ids = self.shared_numbers
        if ids == self._saved:
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        write_checked_file(self._path, ids)
        self._saved = ids

    def _count_newest(self, message: Message) -> int | None:
        """The symbol's newest number, this message's trades included; null if they have none."""
        if (numbers := trade_range(message)) is None:
            return None
        counter = self._counters.get(message.symbol)
        if counter is None:
            last = self.by_symbol.get(message.symbol)
            counter = self._counters[message.symbol] = _count_from(message.venue, last)
        counter.count(numbers[-1])
        return counter.last


def last_ids_in_kafka(bootstrap: str, *, venue: str) -> dict[str, int]:
    """The last trade id of each symbol of a venue among the newest records of the trades' topic.

    Beside each, by `SYMBOL|newest`, when the newest of its trades there was made (µs).

    Raises:
        Unreachable: the broker does not answer.
    """
    counters: dict[str, NewestNumber] = {}
    newest_us: dict[str, int] = {}
    for record in read_tail(bootstrap, [Topic.TRADES], record_count=TAIL_RECORDS):
        message = _trade_message(record.topic, record.value)
        is_live = message is not None and not message.conn.startswith(HEALING)
        if message is not None and is_live and message.venue == venue:
            of_symbol = counters.setdefault(message.symbol, _count_from(venue, None))
            if (numbers := trade_range(message)) is not None:
                of_symbol.count(numbers[-1])
                _count_time(newest_us, message)
    ids = {symbol: number.last for symbol, number in counters.items() if number.last is not None}
    return ids | newest_us


def select_symbols(ids: Mapping[str, int], symbols: tuple[str, ...]) -> dict[str, int]:
    """The ids and times of these symbols."""
    return {key: number for key, number in ids.items() if key.partition("|")[0] in symbols}


def _count_time(newest_us: dict[str, int], message: Message) -> None:
    """Take note of when a message's trades were made."""
    times = [event.traded_at for event in message.events if isinstance(event, Trade)]
    key = f"{message.symbol}{NEWEST}"
    newest_us[key] = max(newest_us.get(key, 0), *times)


def _count_from(venue: str, last: int | None) -> NewestNumber:
    rises_by_steps = venue in VENUES and VENUES[venue].trades is TradeNumbers.TRADE_ID
    return NewestNumber(last, jump=ID_JUMP if rises_by_steps else JUMP)


def _trade_message(topic: str, record_value: bytes) -> Message | None:
    if topic != Topic.TRADES:
        return None
    try:
        return wire.decode(record_value)
    except WireError:
        return None


def _read(path: Path) -> dict[str, int]:
    try:
        return read_checked_file(path, dict[str, int]) or {}
    except StateError as error:
        log.warning(event("last trade ids damaged", error=error))
        return {}
