"""The spool and what publishes through it: order, bounds, a torn end, a broker that is away."""

import os
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from include.bus.spool import Spool
from include.bus.spool_holes import describe_holes
from include.bus.spool_segment import SpooledRecord
from include.bus.spooling import SpoolingPublisher
from include.errors import Unreachable
from include.market import wire
from include.market.events import LedgerEntry, Message, Trade
from include.market.venues import BINANCE
from streaming.feeds.last_trade_ids import LastTradeIds


def record(number: int) -> SpooledRecord:
    return SpooledRecord("market.trades", b"k", b"value %d" % number)


def pop(spool: Spool) -> None:
    spool.take()
    spool.release(1)


def size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir() if path.name.isdecimal())


def drained(spool: Spool) -> list[SpooledRecord]:
    found = []
    while (front := spool.front()) is not None:
        found.append(front)
        pop(spool)
    return found


def sent(topic: str, message: Message) -> SpooledRecord:
    return SpooledRecord(topic, wire.encode_key(message), wire.encode(message))


def trade(number: int, venue: str = "binance") -> Message:
    from decimal import Decimal

    event = Trade(str(number), Decimal(1), Decimal(1), "buy", 5)
    return Message(venue, "BTC-USDT", "trade", "c", (number, number), 5, number, (event,))


def test_records_come_back_in_order_and_an_empty_spool_gives_its_room_back(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "a.spool", max_bytes=10_000)
    for number in range(50):
        assert spool.append(record(number))
    assert drained(spool) == [record(number) for number in range(50)]
    assert size(tmp_path / "a.spool") == 0 and spool.count == 0


def test_the_bound_holds_in_bytes_on_disk(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "a.spool", max_bytes=1000)
    kept = sum(spool.append(record(number)) for number in range(100))
    # 16 bytes of lengths, 13 of topic, 1 of key, 7 or 8 of value: 37 or 38 a record
    assert kept == 26 and size(tmp_path / "a.spool") <= 1000


def test_a_new_process_takes_up_what_waits_and_leaves_out_a_torn_end(tmp_path: Path) -> None:
    path = tmp_path / "a.spool"
    first = Spool(path, max_bytes=10_000)
    for number in range(5):
        first.append(record(number))
    pop(first)
    first.sync()
    segment = path / "00000001"
    segment.write_bytes(segment.read_bytes()[:-3])
    second = Spool(path, max_bytes=10_000)
    assert second.count == 3 and list(second) == [record(1), record(2), record(3)]
    second.append(record(9))
    assert drained(second) == [record(1), record(2), record(3), record(9)]


@pytest.mark.parametrize(
    "tail", [bytes(64), b"\xff" * 64, b"\x00\x00\x00\x00" * 3 + b"\x00\x00\x00\x05hello"]
)
def test_a_tail_that_a_power_cut_left_is_cut_off(tmp_path: Path, tail: bytes) -> None:
    path = tmp_path / "a.spool"
    first = Spool(path, max_bytes=10_000)
    first.append(record(1))
    first.close()
    with (path / "00000001").open("ab") as file:
        file.write(tail)
    second = Spool(path, max_bytes=10_000)
    assert list(second) == [record(1)]
    second.append(record(2))
    second.close()
    assert list(Spool(path, max_bytes=10_000)) == [record(1), record(2)]


def test_a_damaged_record_is_left_out_and_its_place_known(tmp_path: Path) -> None:
    path = tmp_path / "a.spool"
    first = Spool(path, max_bytes=10_000, segment_bytes=120)
    for number in range(9):
        first.append(record(number))
    first.close()
    segment = path / "00000002"
    content = bytearray(segment.read_bytes())
    content[40] ^= 1  # in the second record of the second segment
    segment.write_bytes(content)
    second = Spool(path, max_bytes=10_000, segment_bytes=120)
    assert list(second) == [record(number) for number in (0, 1, 2, 3, 5, 6, 7, 8)]
    assert second.hole_places == [4] and second.count == 8
    second.close()
    third = Spool(path, max_bytes=10_000, segment_bytes=120)
    assert list(third) == list(second) and third.hole_places == []


def spooled(path: Path, count: int = 12) -> None:
    """Segments of three records each."""
    first = Spool(path, max_bytes=10_000, segment_bytes=120)
    for number in range(count):
        first.append(record(number))
    first.close()


@pytest.mark.parametrize("number", [1, 2, 3, 4])
@pytest.mark.parametrize("damage", ["gone", "empty", "folder", "cut at a record", "cut", "NUL"])
def test_of_a_damaged_segment_what_is_intact_is_kept_and_the_hole_known(
    tmp_path: Path, number: int, damage: str
) -> None:
    path = tmp_path / "a.spool"
    spooled(path)
    segment = path / f"{number:08}"
    content, first = segment.read_bytes(), 3 * (number - 1)
    kept_of_it, offset = 0, 0
    segment.unlink()
    if damage == "empty":
        segment.write_bytes(b"")
    elif damage == "folder":
        segment.mkdir()
        (segment / "x").write_bytes(b"x")
    elif damage == "cut at a record":
        kept_of_it, offset = 2, len(record(first).encode() + record(first + 1).encode())
        segment.write_bytes(content[:offset])
    elif damage == "cut":
        kept_of_it = 1
        segment.write_bytes(content[:50])
    elif damage == "NUL":
        segment.write_bytes(bytes(len(content)))
    lost = range(first + kept_of_it, first + 3)
    expected = [record(one) for one in range(12) if one not in lost]
    second = Spool(path, max_bytes=10_000, segment_bytes=120)
    assert list(second) == expected and second.count == len(expected)
    assert second.hole_places == [first + kept_of_it]
    second.append(record(99))
    second.close()
    third = Spool(path, max_bytes=10_000, segment_bytes=120)
    assert list(third) == [*expected, record(99)] and third.hole_places == []
    assert drained(third) == [*expected, record(99)]


@pytest.mark.parametrize("name", ["mark", "00000003", "00000099", "7", "\u0663"])
def test_a_folder_of_any_name_ends_nothing(tmp_path: Path, name: str) -> None:
    path = tmp_path / "a.spool"
    spooled(path, 6)
    (path / "mark").unlink() if name == "mark" else None
    (path / name).mkdir()
    second = Spool(path, max_bytes=10_000, segment_bytes=120)
    assert list(second) == [record(number) for number in range(6)]
    assert drained(second) == [record(number) for number in range(6)]
    second.close()


def test_what_a_damaged_spool_lost_is_reported_with_its_numbers(tmp_path: Path) -> None:
    path = tmp_path / "a.spool"
    first = Spool(path, max_bytes=10**6, segment_bytes=900)
    for number in range(100, 112):
        first.append(sent("market.trades", trade(number)))
    first.close()
    by_segment = [len(p.read_bytes()) for p in sorted(path.iterdir()) if p.name.isdecimal()]
    assert len(by_segment) == 4
    (path / "00000001").unlink()
    (path / "00000003").write_bytes(b"")
    second = Spool(path, max_bytes=10**6, segment_bytes=900)
    kept = [wire.decode(one.value).received_time for one in second]
    assert kept == [103, 104, 105, 109, 110, 111]
    messages = list(describe_holes(second, {"BTC-USDT": 97}, {}, now_us=7))
    entries = [entry for message in messages for entry in message.events]
    detail = "messages waited in a spool that was damaged, received from {} to {} us"
    cause = "spool damaged: trade"
    assert entries == [
        LedgerEntry("dropped", cause, 98, 102, detail.format(103, 103)),
        LedgerEntry("dropped", cause, 106, 108, detail.format(105, 109)),
    ]
    again = Spool(path, max_bytes=10**6)  # killed before what it reported was synced
    assert len(list(describe_holes(again, {"BTC-USDT": 97}, {}, now_us=7))) == 2
    again.close()
    third = Spool(path, max_bytes=10**6)
    assert list(describe_holes(third, {"BTC-USDT": 102}, {}, now_us=7)) == []


@pytest.mark.parametrize(("last_in_kafka", "lost"), [(99, []), (97, [(98, 99)]), (103, [])])
def test_what_a_killed_process_had_sent_before_the_spool_is_reported(
    tmp_path: Path, last_in_kafka: int, lost: list[tuple[int, int]]
) -> None:
    """The broker went away: the first seconds are in memory alone, the next ones on the disk."""
    spool = Spool(tmp_path / "a.spool", max_bytes=10**6)
    for number in range(100, 104):
        spool.append(sent("market.trades", trade(number)))
    messages = list(describe_holes(spool, {"BTC-USDT": last_in_kafka}, {}, now_us=7))
    entries = [entry for one in messages for entry in one.events if isinstance(entry, LedgerEntry)]
    assert [(entry.first_seq, entry.last_seq) for entry in entries] == lost
    assert {entry.cause for entry in entries} <= {"not acknowledged: trade"}
    assert not lost or BINANCE.heals(entries[0].cause)


@pytest.mark.parametrize(("last_in_kafka", "lost"), [(6, []), (3, [(4, 6)])])
def test_the_frames_that_lack_before_the_spool_are_reported_by_connection(
    tmp_path: Path, last_in_kafka: int, lost: list[tuple[int, int]]
) -> None:
    spool = Spool(tmp_path / "a.spool", max_bytes=10**6)
    for number, kind in ((7, "heartbeat"), (8, "book")):
        book = Message("gemini", "BTC-USD", kind, "c", (number, number), 5, 5, ())
        spool.append(sent("market.book", book))
    frames = {("BTC-USD", "c"): (last_in_kafka, 4), ("BTC-USD", "another"): (1, 1)}
    messages = list(describe_holes(spool, {}, frames, now_us=7))
    entries = [entry for one in messages for entry in one.events if isinstance(entry, LedgerEntry)]
    assert [(entry.first_seq, entry.last_seq) for entry in entries] == lost
    assert {entry.cause for entry in entries} <= {"not acknowledged: book"}
    assert all("received from 4 to 5 us" in (entry.detail or "") for entry in entries)


def test_a_process_killed_at_any_place_of_a_release_reports_no_hole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.spool"
    spooled(path)
    first = Spool(path, max_bytes=10_000, segment_bytes=120)
    monkeypatch.setattr("include.bus.spool_segment.SpoolSegment.delete", lambda _: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        for _ in range(12):
            pop(first)
    monkeypatch.undo()
    second = Spool(path, max_bytes=10_000, segment_bytes=120)
    assert second.hole_places == [] and list(second) == [record(n) for n in range(4, 12)]


def test_a_mark_older_than_the_last_emptying_is_ignored(tmp_path: Path) -> None:
    path = tmp_path / "a.spool"
    first = Spool(path, max_bytes=100_000)
    for number in range(300):
        first.append(record(number))
    for _ in range(250):
        pop(first)
    first.sync()
    mark = (path / "mark").read_bytes()
    for _ in range(50):
        pop(first)
    for number in range(400):
        first.append(record(number))
    first.close()
    (path / "mark").write_bytes(mark)
    assert list(Spool(path, max_bytes=100_000)) == [record(number) for number in range(400)]


@pytest.mark.parametrize("mark", [b"", bytes(20), b"1 38 00000000", b"1 38", b"7690"])
def test_a_damaged_mark_passes_over_nothing(
    tmp_path: Path, mark: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "a.spool"
    first = Spool(path, max_bytes=10_000)
    for number in range(3):
        first.append(record(number))
    pop(first)
    first.close()
    (path / "mark").write_bytes(mark)
    assert list(Spool(path, max_bytes=10_000)) == [record(number) for number in range(3)]
    assert f"spool mark damaged: all that is there is sent again path={path}/mark" in caplog.text


def test_the_bound_counts_what_waits_and_not_what_passed_through(tmp_path: Path) -> None:
    path = tmp_path / "a.spool"
    spool = Spool(path, max_bytes=2**16, segment_bytes=2**13)
    large = SpooledRecord("market.trades", b"k", b"v" * 1000)
    for _ in range(19):
        assert spool.append(large)
    for _ in range(2000):
        assert spool.append(large)
        pop(spool)
    assert spool.count == 19 and size(path) < 2**16


def test_a_record_that_was_sent_waits_until_it_is_acknowledged(tmp_path: Path) -> None:
    path = tmp_path / "a.spool"
    first = Spool(path, max_bytes=10_000)
    for number in range(3):
        first.append(record(number))
    first.take()
    first.take()
    assert first.count == 1 and list(first) == [record(2)]
    first.release(1)
    first.close()
    assert list(Spool(path, max_bytes=10_000)) == [record(1), record(2)]


def test_what_was_appended_is_synced_within_a_second(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = Spool(tmp_path / "a.spool", max_bytes=10_000)
    synced, now_s = list[int](), time.monotonic()
    monkeypatch.setattr("include.bus.spool_segment.os.fsync", synced.append)
    monkeypatch.setattr("include.bus.spool.time.monotonic", lambda: now_s)
    spool.append(record(1))
    spool.persist()
    assert synced == []
    now_s += 2
    spool.persist()
    assert synced != []


def test_a_full_disk_refuses_a_record_and_leaves_the_spool_sound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.spool"
    spool = Spool(path, max_bytes=10_000)
    spool.append(record(1))
    write = os.pwrite
    monkeypatch.setattr(
        "include.bus.spool_segment.os.pwrite", lambda at, data, end: write(at, data[:9], end)
    )
    assert not spool.append(record(2))
    monkeypatch.undo()
    assert spool.append(record(3))
    spool.close()
    assert list(Spool(path, max_bytes=10_000)) == [record(1), record(3)]


@settings(max_examples=50, deadline=None)  # a restart syncs
@given(st.lists(st.one_of(st.just("pop"), st.just("open"), st.binary(max_size=50)), max_size=40))
def test_it_is_a_queue_through_any_restarts(tmp_path_factory: object, steps: list[object]) -> None:
    assert hasattr(tmp_path_factory, "mktemp")
    path = tmp_path_factory.mktemp("spool") / "a.spool"
    spool, model = Spool(path, max_bytes=10**6, segment_bytes=120), list[bytes]()
    for step in steps:
        if step == "open":
            spool.close()
            spool = Spool(path, max_bytes=10**6, segment_bytes=120)
        elif step == "pop" and model:
            pop(spool)
            model.pop(0)
        elif isinstance(step, bytes):
            spool.append(SpooledRecord("t", b"", step))
            model.append(step)
        assert [one.value for one in spool] == model and spool.count == len(model)


class Broker:
    """Takes records while it is up; while it is away they stay pending, as in a producer."""

    def __init__(self) -> None:
        self.up, self.delivered, self.pending = True, list[bytes](), list[bytes]()
        self.sent = 0

    @property
    def pending_bytes(self) -> int:
        return sum(map(len, self.pending))

    @property
    def acknowledged_through(self) -> int:
        return self.sent - len(self.pending)

    def waiting_s(self) -> float:
        return 9.0 if self.pending else 0.0

    def send(self, topic: str, key: bytes, value: bytes) -> None:
        self.sent += 1
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
            "spool full: trade",
            len(kept),
            99,
            detail=f"{100 - len(kept)} messages received from {len(kept)} to 99 us",
        ),
    )


def test_what_is_dropped_is_reported_by_symbol_kind_and_connection(tmp_path: Path) -> None:
    broker = Broker()
    publisher = SpoolingPublisher(
        broker, Spool(tmp_path / "a.spool", max_bytes=300), now_us=lambda: 77
    )
    broker.up = False
    publisher.publish(trade(1))  # pending in the broker's client
    for number in (2, 3, 4):  # 2 finds room
        publisher.publish(trade(number))
    for conn, frames in (("a", (7, 8)), ("b", (1, 2, 3))):
        for frame in frames:
            publisher.publish(
                Message("gemini", "BTC-USD", "book", conn, (frame, frame), 5, frame, ())
            )
    publisher.publish(Message("gemini", "BTC-USD", "trade", "b", (4, 4), 5, 4, trade(900).events))
    broker.back()
    publisher.drain()
    entries = {
        (message.venue, message.conn, entry.cause): (entry.first_seq, entry.last_seq)
        for message in map(wire.decode, broker.delivered)
        for entry in message.events
        if isinstance(entry, LedgerEntry)
    }
    assert entries == {
        ("binance", "c", "spool full: trade"): (3, 4),
        ("gemini", "a", "spool full: book"): (7, 8),
        ("gemini", "b", "spool full: book"): (1, 3),
        ("gemini", "b", "spool full: trade"): (900, 900),  # the venue's id, not the frame's number
    }


def test_ids_of_a_dropped_book_that_are_not_without_gaps_are_told_and_cover_no_hole(
    tmp_path: Path,
) -> None:
    broker = Broker()
    publisher = SpoolingPublisher(
        broker, Spool(tmp_path / "a.spool", max_bytes=300), now_us=lambda: 77
    )
    broker.up = False
    for number in (1, 2):
        publisher.publish(trade(number))
    for ids in ((70, 75), (79, 90)):
        publisher.publish(Message("deribit", "BTC-PERPETUAL", "book", "d", ids, 5, ids[0], ()))
    broker.back()
    publisher.drain()
    message = wire.decode(broker.delivered[-1])
    (entry,) = message.events
    assert isinstance(entry, LedgerEntry)
    assert (message.conn, entry.entry, entry.first_seq) == ("d", "dropped", None)
    assert entry.detail == "2 messages received from 70 to 79 us, ids 70 to 90"


def test_a_loss_is_reported_each_minute_while_the_spool_stays_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broker, path = Broker(), tmp_path / "a.spool"
    publisher = SpoolingPublisher(broker, Spool(path, max_bytes=600), now_us=lambda: 77)
    broker.up = False
    for number in range(10):
        publisher.publish(trade(number))
    later_s = time.monotonic() + 61
    monkeypatch.setattr("include.bus.spooling.time.monotonic", lambda: later_s)
    publisher.drain()  # and the process is killed: a new one reads what the spool has
    messages = [wire.decode(waiting.value) for waiting in Spool(path, max_bytes=600)]
    (entry,) = [one for message in messages for one in message.events if message.kind == "ledger"]
    assert isinstance(entry, LedgerEntry) and entry.last_seq == 9


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
        last_ids.count_sent(sent("market.trades", trade(number)), None)
    last_ids.count_sent(sent("market.book", trade(99)), trade(99))
    last_ids.count_sent(SpooledRecord("market.trades", b"k", b"junk"), None)
    last_ids.acknowledge(sent_count=5, through=5)
    last_ids.save()
    assert LastTradeIds(path).by_symbol == {"BTC-USDT": 9}


def test_trades_that_were_sent_count_once_all_sent_with_them_are_acknowledged(
    tmp_path: Path,
) -> None:
    last_ids, seen = LastTradeIds(tmp_path / "binance.json"), list[int | None]()
    for number, through in ((7, 0), (8, 0), (9, 1), (None, 2), (None, 3)):
        if number is not None:
            last_ids.count_sent(sent("market.trades", trade(number)), trade(number))
        last_ids.acknowledge(sent_count=min((number or 9) - 6, 3), through=through)
        seen.append(last_ids.by_symbol.get("BTC-USDT"))
    assert seen == [None, None, 7, 8, 9]


def test_the_publisher_tells_of_what_was_sent_and_not_of_what_waits(tmp_path: Path) -> None:
    broker, told = Broker(), list[tuple[int, bool]]()

    def note(record: tuple[str, bytes, bytes], message: Message | None) -> None:
        told.append((wire.decode(record[2]).received_time, message is not None))

    spool = Spool(tmp_path / "a.spool", max_bytes=10**6)
    publisher = SpoolingPublisher(broker, spool, now_us=lambda: 1, on_sent=note)
    publisher.publish(trade(1))
    broker.up = False
    publisher.publish(trade(2))  # pending in the broker's client
    publisher.publish(trade(3))
    assert told == [(1, True), (2, True)]
    broker.back()
    publisher.drain()
    assert told == [(1, True), (2, True), (3, False)]


@pytest.mark.parametrize("content", [b"", bytes(30), b"{", b"null", b'{"BTC-USDT": 9}'])
def test_damaged_ids_are_reported_and_replaced_by_those_in_kafka(
    tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "binance.json"
    path.write_bytes(content)
    last_ids = LastTradeIds(path)
    assert last_ids.by_symbol == {} and f"{path} is damaged" in caplog.text
    last_ids.resume({"BTC-USDT": 8}, [])
    assert last_ids.by_symbol == {"BTC-USDT": 8}


def test_what_waits_in_the_spool_counts_behind_what_kafka_has(tmp_path: Path) -> None:
    last_ids = LastTradeIds(tmp_path / "binance.json")
    spooled = SpooledRecord("market.trades", b"k", wire.encode(trade(12)))
    last_ids.resume({"BTC-USDT": 11, "ETH-USDT": 5}, [spooled])
    assert last_ids.by_symbol == {"BTC-USDT": 12, "ETH-USDT": 5}


def test_the_last_id_in_kafka_counts_when_it_is_lower(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "binance.json"
    first = LastTradeIds(path)
    first.count_sent(sent("market.trades", trade(246221927)), None)
    first.acknowledge(sent_count=1, through=1)
    first.save()
    second = LastTradeIds(path)
    spooled = SpooledRecord("market.trades", b"k", wire.encode(trade(246221930)))
    second.resume({"BTC-USDT": 246221896}, [spooled])
    assert second.by_symbol == {"BTC-USDT": 246221930}  # the hole is reported as the spool's
    assert "kafka lost acknowledged trades" in caplog.text
    third = LastTradeIds(path)
    third.resume({"BTC-USDT": 246221896}, [])
    assert third.by_symbol == {"BTC-USDT": 246221896}
    third.save()
    assert LastTradeIds(path).by_symbol == {"BTC-USDT": 246221896}


def test_a_gemini_position_is_the_trades_id_and_not_the_frames_number(tmp_path: Path) -> None:
    last_ids = LastTradeIds(tmp_path / "gemini.json")
    message = trade(3564641073, venue="gemini")
    numbered = Message("gemini", "BTC-USD", "trade", "c", (4, 4), 5, 5, message.events)
    last_ids.count_sent(sent("market.trades", numbered), numbered)
    last_ids.acknowledge(sent_count=1, through=1)
    assert last_ids.by_symbol == {"BTC-USD": 3564641073}
