"""The spool and what publishes through it: order, bounds, a torn end, a broker that is away."""

from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from include.bus.spool import Spool, SpooledRecord
from include.bus.spooling import SpoolingPublisher
from include.errors import Unreachable
from include.market import wire
from include.market.events import LedgerEntry, Message, Trade
from streaming.feeds.last_trade_ids import LastTradeIds


def record(number: int) -> SpooledRecord:
    return SpooledRecord("market.trades", b"k", b"value %d" % number)


def drained(spool: Spool) -> list[SpooledRecord]:
    found = []
    while (front := spool.front()) is not None:
        found.append(front)
        spool.pop()
    return found


def trade(number: int, venue: str = "binance") -> Message:
    from decimal import Decimal

    event = Trade(str(number), Decimal(1), Decimal(1), "buy", 5)
    return Message(venue, "BTC-USDT", "trade", "c", (number, number), 5, number, (event,))


def test_records_come_back_in_order_and_an_empty_spool_gives_its_room_back(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "a.spool", max_bytes=10_000)
    for number in range(50):
        assert spool.append(record(number))
    assert drained(spool) == [record(number) for number in range(50)]
    assert (tmp_path / "a.spool").stat().st_size == 0 and spool.count == 0


def test_the_bound_holds_in_bytes_on_disk(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "a.spool", max_bytes=1000)
    kept = sum(spool.append(record(number)) for number in range(100))
    # 16 bytes of lengths, 13 of topic, 1 of key, 7 or 8 of value: 37 or 38 a record
    assert kept == 26 and (tmp_path / "a.spool").stat().st_size <= 1000


def test_a_new_process_takes_up_what_waits_and_leaves_out_a_torn_end(tmp_path: Path) -> None:
    path = tmp_path / "a.spool"
    first = Spool(path, max_bytes=10_000)
    for number in range(5):
        first.append(record(number))
    first.pop()
    first.mark()
    whole = path.read_bytes()
    path.write_bytes(whole[:-3])
    second = Spool(path, max_bytes=10_000)
    assert second.count == 3 and list(second) == [record(1), record(2), record(3)]
    second.append(record(9))
    assert drained(second) == [record(1), record(2), record(3), record(9)]


@settings(max_examples=50)
@given(st.lists(st.one_of(st.just("pop"), st.just("open"), st.binary(max_size=50)), max_size=40))
def test_it_is_a_queue_through_any_restarts(tmp_path_factory: object, steps: list[object]) -> None:
    assert hasattr(tmp_path_factory, "mktemp")
    path = tmp_path_factory.mktemp("spool") / "a.spool"
    spool, model = Spool(path, max_bytes=10**6), list[bytes]()
    for step in steps:
        if step == "open":
            spool.close()
            spool = Spool(path, max_bytes=10**6)
        elif step == "pop" and model:
            spool.pop()
            model.pop(0)
        elif isinstance(step, bytes):
            spool.append(SpooledRecord("t", b"", step))
            model.append(step)
        assert [one.value for one in spool] == model and spool.count == len(model)


class Broker:
    """Takes records while it is up; while it is away they stay pending, as with kafka-python."""

    def __init__(self) -> None:
        self.up, self.delivered, self.pending = True, list[bytes](), list[bytes]()

    @property
    def pending_bytes(self) -> int:
        return sum(map(len, self.pending))

    def waiting_s(self) -> float:
        return 9.0 if self.pending else 0.0

    def send(self, topic: str, key: bytes, value: bytes) -> None:
        if self.up:
            self.delivered.append(value)
        else:
            self.pending.append(value)

    def back(self) -> None:
        self.up, self.delivered, self.pending = True, self.delivered + self.pending, []


def numbers(broker: Broker) -> list[int]:
    messages = [wire.decode(value) for value in broker.delivered]
    return [message.received_time for message in messages if message.kind == "trade"]


def test_a_broker_that_was_away_gets_all_in_order(tmp_path: Path) -> None:
    broker = Broker()
    spool = Spool(tmp_path / "a.spool", max_bytes=10**6)
    publisher = SpoolingPublisher(broker, spool, now_us=lambda: 1)
    for number in range(1000):
        if number == 300:
            broker.up = False
        if number == 700:
            broker.back()
        publisher.publish(trade(number))
    while spool.count:
        publisher.drain()
    assert numbers(broker) == list(range(1000))
    assert publisher.dropped == 0 and publisher.spooled > 300


def test_what_the_bound_drops_is_reported_once_there_is_room(tmp_path: Path) -> None:
    broker = Broker()
    spool = Spool(tmp_path / "a.spool", max_bytes=2000)
    publisher = SpoolingPublisher(broker, spool, now_us=lambda: 77)
    broker.up = False
    for number in range(100):
        publisher.publish(trade(number))
    assert len(broker.pending) == 1  # memory stays small: all others are on disk or counted
    broker.back()
    publisher.drain()
    messages = [wire.decode(value) for value in broker.delivered]
    kept = numbers(broker)
    (ledger,) = [message for message in messages if message.kind == "ledger"]
    assert kept == list(range(len(kept))) and publisher.dropped == 100 - len(kept) > 50
    assert ledger.events == (
        LedgerEntry(
            "dropped",
            "spool full",
            detail=f"{100 - len(kept)} messages received from {len(kept)} to 99 us",
        ),
    )


def test_a_record_lost_for_good_ends_the_feed(tmp_path: Path) -> None:
    class Lossy(Broker):
        def send(self, topic: str, key: bytes, value: bytes) -> None:
            raise Unreachable("1 records were not delivered")

    publisher = SpoolingPublisher(
        Lossy(), Spool(tmp_path / "a.spool", max_bytes=9999), now_us=lambda: 1
    )
    try:
        publisher.publish(trade(1))
    except Unreachable:
        return
    raise AssertionError("the loss was swallowed")


def test_positions_are_those_of_acknowledged_trades_and_survive(tmp_path: Path) -> None:
    path = tmp_path / "feeds" / "binance.json"
    last_ids = LastTradeIds(path)
    assert last_ids.by_symbol == {}
    for number in (7, 9, 8):
        last_ids.acknowledged("market.trades", wire.encode(trade(number)))
    last_ids.acknowledged("market.book", wire.encode(trade(99)))
    last_ids.acknowledged("market.trades", b"junk")
    last_ids.save()
    assert LastTradeIds(path).by_symbol == {"BTC-USDT": 9}
    path.write_text("{")
    assert LastTradeIds(path).by_symbol == {}


def test_a_gemini_position_is_the_trades_id_and_not_the_frames_number(tmp_path: Path) -> None:
    last_ids = LastTradeIds(tmp_path / "gemini.json")
    message = trade(3564641073, venue="gemini")
    numbered = Message("gemini", "BTC-USD", "trade", "c", (4, 4), 5, 5, message.events)
    last_ids.acknowledged("market.trades", wire.encode(numbered))
    assert last_ids.by_symbol == {"BTC-USD": 3564641073}
