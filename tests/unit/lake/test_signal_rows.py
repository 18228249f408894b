"""Delta's signals: inserted once, restated from the landed book, by values done by hand."""

import random
from datetime import UTC, datetime
from decimal import Decimal as D
from pathlib import Path

import pytest
from deltalake import DeltaTable

from include.lake.floors import Floor, write_floors
from include.lake.late_windows import LateWindow, LateWindows
from include.lake.reading import query
from include.lake.signal_rows import closed_until, insert_new, newest_jumps, restate, sum_windows
from include.lake.tables import TABLES
from include.lake.watermarks import application_id
from include.lake.writing import arrow_rows, merge_by_day
from include.market.events import BookChange, Message
from include.market.liquidity import book_flow
from include.market.signals import PublishedSignal
from include.market.windows import Windows
from include.market.wire import TopicPartition

S = 1_000_000
SEED = 20180424
T0 = 1_700_000_040 * S  # a whole minute
BTC = ("gemini", "BTC-USD")


def at(us: int) -> datetime:
    return datetime.fromtimestamp(us / S, UTC)


def change(
    offset: int,
    at_s: float | None,
    side: str,
    price: str,
    remaining: str,
    *,
    event: int | None = None,
    index: int = 0,
    received_s: float | None = None,
    kind: str = "book",
    reason: str | None = None,
) -> dict[str, object]:
    time = None if at_s is None else at(T0 + int(at_s * S))
    received = at(T0 + int((at_s or 0 if received_s is None else received_s) * S))
    row = dict.fromkeys(TABLES["book_changes"].names) | {
        "topic": "market.book",
        "partition": 0,
        "offset": offset,
        "kafka_time": received,
        "event_index": index,
        "v": 1,
        "venue": "gemini",
        "symbol": "BTC-USD",
        "kind": kind,
        "conn": "c",
        "seq_first": offset,
        "seq_last": offset,
        "venue_time": time,
        "received_time": received,
        "side": side,
        "price": D(price),
        "remaining": D(remaining),
        "venue_event_id": event,
        "reason": reason,
    }
    return row


def land(lake: str, *rows: dict[str, object]) -> None:
    table = TABLES["book_changes"]
    end = max(int(str(row["offset"])) for row in rows) + 1
    merge_by_day(
        lake,
        table,
        arrow_rows(table, rows),
        column="received_time",
        watermarks={application_id(TopicPartition("market.book", 0)): end},
    )


def signal(kind: str, value: str, *, minute: int = 0) -> PublishedSignal:
    start = T0 + minute * 60 * S
    return PublishedSignal(*BTC, kind, D(value), start, start + 60 * S)


def stored(lake: str) -> list[tuple[object, ...]]:
    return query(lake, "SELECT type, window_start, value FROM signals ORDER BY ALL")[1]


@pytest.fixture
def lake(tmp_path: Path) -> str:
    return str(tmp_path / "lake")


def test_a_row_is_inserted_once_and_not_replaced(lake: str) -> None:
    assert closed_until(lake) == {}
    insert_new(lake, [signal("bid", "1"), signal("ask", "2")])
    insert_new(lake, [signal("bid", "9"), signal("bid", "3", minute=2)])
    assert [(kind, value) for kind, _, value in stored(lake)] == [
        ("ask", D(2)),
        ("bid", D(1)),
        ("bid", D(3)),
    ]
    assert closed_until(lake) == {BTC: T0 + 180 * S}


def test_a_jump_closes_no_window_though_it_is_newer(lake: str) -> None:
    insert_new(lake, [signal("bid", "1"), signal("jump", "-7.5", minute=5)])
    assert closed_until(lake) == {BTC: T0 + 60 * S}
    assert newest_jumps(lake) == {BTC: T0 + 360 * S}


def test_a_signal_of_2099_closes_no_window(lake: str) -> None:
    minutes_ahead = (4_070_908_800 * S - T0) // (60 * S)
    kinds = [("bid", 0), ("bid", minutes_ahead), ("jump", 3), ("jump", minutes_ahead)]
    insert_new(lake, [signal(kind, "1", minute=minute) for kind, minute in kinds])
    assert closed_until(lake) == {BTC: T0 + 60 * S}
    assert newest_jumps(lake) == {BTC: T0 + 240 * S}


def test_a_window_is_summed_from_each_message_once_with_the_streams_rounding(lake: str) -> None:
    land(
        lake,
        change(0, 0, "bid", "100", "2", event=1),
        change(1, 59.999999, "ask", "101", "4", event=2),
        change(1, 59.999999, "ask", "0.00000001", "0.0000000001", event=2, index=1),
        change(2, 5, "bid", "0.33333333", "0.0000333333", event=3),
        change(3, 7, "bid", "100", "2", event=1),  # a repeat
        change(4, None, "bid", "1", "1"),  # a snapshot
        change(5, 60, "bid", "1", "1", event=4),  # the next window's
        change(8, 9, "bid", "1", "1", reason="initial"),  # a snapshot that has a time
        change(6, 30, "ask", "7", "1"),  # known by its number
        change(7, 30, "ask", "5", "5", event=9, received_s=-3600),  # an hour ahead of its receipt
    )
    (window,) = sum_windows(lake, [(*BTC, T0)], window_s=60)
    # 0.33333333 x 0.0000333333 = 0.000011111099888889 -> 13 digits, then 12
    assert window.bid == D("200.000011111100")
    assert window.ask == D("411.000000000000")  # 404 + 7; 1e-18 is nothing


def test_awkward_numbers_come_out_as_from_the_messages_themselves(lake: str) -> None:
    chance = random.Random(SEED)
    rows, windows = [], Windows(window_s=60)
    for offset in range(300):
        changes = tuple(
            BookChange(
                chance.choice(["bid", "ask"]),
                D(chance.randint(1, 10 ** chance.randint(1, 15))).scaleb(-8),
                D(chance.randint(0, 10 ** chance.randint(1, 16))).scaleb(-10),
                venue_event_id=offset - chance.choice([0, 0, 0, 1]),
            )
            for _ in range(chance.randint(1, 3))
        )
        rows += [
            change(
                offset,
                offset / 5,
                one.side,
                str(one.price),
                str(one.remaining),
                event=one.venue_event_id,
                index=index,
            )
            for index, one in enumerate(changes)
        ]
        time = T0 + int(offset / 5 * S)
        windows.take(book_flow(Message(*BTC, "book", "c", (offset, offset), time, time, changes)))
    land(lake, *rows)
    end = Message(*BTC, "heartbeat", "c", None, T0 + 60 * S, T0 + 60 * S, ())
    assert sum_windows(lake, [(*BTC, T0)], window_s=60) == windows.take(book_flow(end)), SEED


def test_late_changes_restate_the_rows_of_their_window_alone(lake: str) -> None:
    land(lake, change(0, 0, "bid", "100", "2", event=1), change(1, 1, "ask", "100", "1", event=2))
    insert_new(
        lake,
        [
            signal("bid", "200"),
            signal("ask", "100"),
            signal("price_volume", "0.5"),
            signal("bid", "77", minute=1),
        ],
    )
    assert restate(lake, [(*BTC, T0)], window_s=60) == 0
    late = LateWindows()
    late.add([LateWindow(*BTC, T0, 0, 2)])
    assert late.restate_windows(lake, window_s=60) == 0
    assert late.list_pending() == [LateWindow(*BTC, T0, 0, 2)], "its record has not landed"
    land(lake, change(2, 30, "ask", "100", "5", event=3))
    assert late.restate_windows(lake, window_s=60) == 2
    assert late.list_pending() == []
    assert [(kind, value) for kind, _, value in stored(lake)] == [
        ("ask", D(600)),
        ("bid", D(200)),
        ("bid", D(77)),
        ("price_volume", D(3)),
    ]


def test_a_window_whose_changes_were_dropped_is_not_restated(lake: str) -> None:
    land(lake, change(0, 0, "bid", "100", "2", event=1), change(1, 5, "ask", "100", "4", event=2))
    land(lake, change(4, 6, "bid", "100", "2", event=5))
    windows = [(*BTC, T0), (*BTC, T0 + 120 * S)]
    insert_new(lake, [signal("bid", "400"), signal("ask", "400"), signal("price_volume", "2")])
    part = TopicPartition("market.book", 0)
    write_floors(lake, [Floor(part, 1, at(T0), 1, at(T0))])
    DeltaTable(f"{lake}/book_changes").delete('"offset" < 1')
    land(lake, change(2, 125, "bid", "7", "1", event=3), change(3, 126, "ask", "7", "1", event=4))
    before = stored(lake)
    assert restate(lake, windows, window_s=60) == 3
    assert [row for row in stored(lake) if row[1] == at(T0)] == before


def test_a_change_that_comes_while_a_window_is_restated_is_not_forgotten(lake: str) -> None:
    late = LateWindows()
    late.add([LateWindow(*BTC, T0, 0, 5), LateWindow(*BTC, T0, 1, 3)])
    late.add([LateWindow(*BTC, T0, 0, 4)])
    assert sorted(one.offset for one in late.list_pending()) == [3, 5]
    land(lake, change(5, 30, "ask", "100", "5", event=3))
    late.restate_windows(lake, window_s=60)
    assert late.list_pending() == [LateWindow(*BTC, T0, 1, 3)]


def test_a_change_a_minute_ahead_of_its_receipt_counts_and_one_beyond_does_not(lake: str) -> None:
    ahead = [
        change(1, 70, "bid", "100", "1", event=1, received_s=10),
        change(2, 70.000001, "bid", "100", "5", event=2, received_s=10),
    ]
    land(lake, *ahead)
    (window,) = sum_windows(lake, [(*BTC, T0 + 60 * S)], window_s=60)
    assert window.bid == D(100)
    windows = Windows(window_s=60)
    for at_us, left in ((T0 + 70 * S, 1), (T0 + 70 * S + 1, 5)):
        level = BookChange("bid", D(100), D(left), venue_event_id=left)
        message = Message(*BTC, "book", "c", None, at_us, T0 + 10 * S, (level,))
        windows.take(book_flow(message))
    (sums,) = windows.state.books["gemini|BTC-USD"].open.values()
    assert sums.bid == window.bid  # as the stream counts them
