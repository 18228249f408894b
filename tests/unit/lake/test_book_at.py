"""The book of an instant from a small lake: what a feed knew then, and every reason for none."""

import json
import random
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner
from deltalake import DeltaTable

from cli.main import cli
from include.errors import NoBook, QueryError
from include.lake.book_at import book_at
from include.lake.book_checkpoints import BookCheckpoints
from include.lake.floors import Floor, write_floors
from include.market.events import INITIAL, BookChange, Frame, LedgerEntry, Message, Top
from include.market.levels import sort_levels
from include.market.time import MINUTE_US, SECOND_US, from_epoch_us, to_epoch_us
from include.market.venues import SNAPSHOT
from include.market.wire import Topic, TopicPartition
from streaming.feeds.ledger import ledger_message
from streaming.feeds.venues.deribit.decoder import DeribitDecoder
from tests.support.lake_of_rows import at
from tests.support.landed_messages import land_messages, tell

D = Decimal
NOON_US = to_epoch_us(at("12:00"))
SYMBOL = "BTC-USD"
TOP = Top(D(99), D(1), D(101), D(2))


def book(s: float, *changes: BookChange, top: Top | None = TOP, conn: str = "a") -> Message:
    """A message of Gemini's book, so many seconds after noon."""
    received_us = NOON_US + int(s * SECOND_US)
    return Message("gemini", SYMBOL, "book", conn, None, None, received_us, changes, top)


def ledger(s: float, entry: str, cause: str = "start", *, conn: str = "a") -> Message:
    return tell(book(0, conn=conn), entry, at_us=NOON_US + int(s * SECOND_US), cause=cause)


def snapshot(s: float, *, conn: str = "a") -> Message:
    bid = BookChange("bid", D(99), D(1), reason=INITIAL)
    return book(s, bid, BookChange("ask", D(101), D(2), reason=INITIAL), conn=conn)


def change(s: float, quantity: int, *, conn: str = "a", top: Top | None = TOP) -> Message:
    """One that changes a level behind the best."""
    return book(s, BookChange("bid", D(98), D(quantity)), conn=conn, top=top)


def find(lake: Path, s: float) -> tuple[tuple[Decimal, Decimal], ...]:
    return book_at(str(lake), "gemini", SYMBOL, at("12:00") + timedelta(seconds=s)).bids


ALWAYS = [ledger(0, "connect"), snapshot(1), change(2, 5), change(4, 6), change(6, 0)]


def test_a_moment_has_what_was_received_by_then(tmp_path: Path) -> None:
    land_messages(tmp_path, [*ALWAYS, change(900, 7)])
    first = ((D(99), D(1)),)
    assert find(tmp_path, 1) == find(tmp_path, 1.9) == find(tmp_path, 6) == first
    assert find(tmp_path, 2) == find(tmp_path, 3) == (*first, (D(98), D(5)))
    assert find(tmp_path, 5.999) == (*first, (D(98), D(6)))
    whole = book_at(str(tmp_path), "gemini", SYMBOL, at("12:00:05"), depth=1)
    assert (whole.bids, whole.asks) == (first, ((D(101), D(2)),))
    assert (whole.conn, whole.offset, whole.received_at) == ("a", 2, at("12:00:04"))


LOST = LedgerEntry("gap", "missing", 3, 4)
GAP = Message("gemini", SYMBOL, "ledger", "a", (5, 5), None, NOON_US + 9 * SECOND_US, (LOST,))
DROPPED = tell(
    book(0),
    "dropped",
    at_us=NOON_US + 60 * SECOND_US,
    cause="spool full: book",
    detail=f"2 messages received from {NOON_US + 7_000_000} to {NOON_US + 8_000_000} us",
)
NO_BOOKS = {
    "before the first snapshot": ([], 0.5, "had not received its first snapshot"),
    "before the feed": ([], -5, "had not connected yet, connected again at 2026-11-20T12:00:00"),
    "beyond the lake": ([], 2000, "has landed until 2026-11-20T12:15:00"),
    "disconnected": (
        [ledger(8, "disconnect", "reset"), ledger(20, "connect", "reset", conn="b")],
        9,
        "since 2026-11-20T12:00:08.000000Z (reset), connected again at 2026-11-20T12:00:20",
    ),
    "stale": ([ledger(8, "stale", "silent"), ledger(12, "recovered", "frame")], 11, "stale since"),
    "in a hole": ([GAP, change(9, 9, top=None)], 10, "hole of the feed ledger (missing"),
    "between the last message and the hole": ([GAP, change(9, 9, top=None)], 7, "12:00:06"),
    "dropped": ([DROPPED], 30, "spool full: book, 2026-11-20T12:00:07"),
    "killed": ([ledger(30, "connect", "start", conn="b")], 15, "died after 2026-11-20T12:00:06"),
    "killed for good": ([], 300, "died after 2026-11-20T12:00:06"),
    "damaged": (
        [change(8, 3, top=Top(D(99), D("1.5"), D(101), D(2))), change(9, 1)],
        8.5,
        "changes are missing",
    ),
}


@pytest.mark.parametrize("name", NO_BOOKS)
def test_a_moment_without_a_book_is_an_error_that_says_why(tmp_path: Path, name: str) -> None:
    further, s, cause = NO_BOOKS[name]
    other = Message(
        "gemini", "ETH-USD", "book", "a", None, None, NOON_US + 15 * MINUTE_US, (), None
    )
    land_messages(tmp_path, [*ALWAYS, *further, other])
    with pytest.raises(NoBook, match="no book of gemini BTC-USD at 2026-11-20T") as refusal:
        find(tmp_path, s)
    assert cause in str(refusal.value)


def test_what_does_not_break_a_book_refuses_none(tmp_path: Path) -> None:
    lost_trades = LedgerEntry("gap", "between_connections", 3, 4)
    of_trades = Message(
        "gemini", SYMBOL, "ledger", "a", None, None, GAP.received_time, (lost_trades,)
    )
    quiet = ledger(8, "stale", "quiet")
    land_messages(
        tmp_path, [*ALWAYS, quiet, of_trades, ledger(20, "disconnect"), change(900, 1, conn="b")]
    )
    assert find(tmp_path, 12) == ((D(99), D(1)),)


def test_what_polls_a_venues_prices_keeps_no_book(tmp_path: Path) -> None:
    quotes = "gemini-1-quotes"
    answers = [
        ledger(3 + s / 10, "connect", "answers", conn=conn)
        for s, conn in enumerate([quotes, "gemini-2-quotes", "gemini-3-quotes", "gemini-4-quotes"])
    ]
    refuses = [ledger(5, "disconnect", "http 429", conn=quotes), ledger(5, "stale", conn=quotes)]
    hole = Message("gemini", SYMBOL, "ledger", quotes, (5, 5), None, GAP.received_time, (LOST,))
    land_messages(tmp_path, [*ALWAYS, *answers, *refuses, hole, change(900, 1)])
    assert find(tmp_path, 4) == ((D(99), D(1)), (D(98), D(6)))
    with pytest.raises(NoBook, match="died after 2026-11-20T12:00:06"):
        find(tmp_path, 20)


def test_a_successor_without_a_snapshot_leaves_the_book_to_the_connection_before(
    tmp_path: Path,
) -> None:
    successor = [ledger(5, "connect", "renew", conn="b"), snapshot(7, conn="b")]
    ended = [ledger(7.5, "disconnect", "renewed"), change(8, 4, conn="b")]
    land_messages(tmp_path, [*ALWAYS[:-1], *successor, *ended])
    assert find(tmp_path, 6) == ((D(99), D(1)), (D(98), D(6)))
    assert find(tmp_path, 7) == ((D(99), D(1)),)
    assert find(tmp_path, 8) == ((D(99), D(1)), (D(98), D(4)))


def test_a_venue_that_is_none_is_named(tmp_path: Path) -> None:
    with pytest.raises(NoBook) as refusal:
        book_at(str(tmp_path), "mtgox", SYMBOL, at("12:00"))
    none = "no book of mtgox: it is no venue (venues: gemini, binance, deribit)"
    assert str(refusal.value) == none
    with pytest.raises(NoBook, match=r"nothing of market\.book has landed yet"):
        book_at(str(tmp_path), "gemini", SYMBOL, at("12:00"))


def test_a_binance_book_begins_with_its_snapshot_not_with_a_first_empty_message(
    tmp_path: Path,
) -> None:
    """Its updates, and best prices that cross, come before the snapshot that REST gives."""
    connect, first, whole, *_ = (
        msgspec.structs.replace(message, venue="binance")
        for message in [ledger(0, "connect"), book(1, top=None), snapshot(3)]
    )
    land_messages(tmp_path, [connect, first, whole])
    with pytest.raises(NoBook, match="had not received its first snapshot"):
        book_at(str(tmp_path), "binance", SYMBOL, at("12:00:02"))
    assert book_at(str(tmp_path), "binance", SYMBOL, at("12:00:03")).bids == ((D(99), D(1)),)


def notify(kind: str, number: int, before: int | None, levels: list[list[object]]) -> bytes:
    body = {
        "type": kind,
        "timestamp": NOON_US // 1000,
        "instrument_name": "BTC-PERPETUAL",
        "change_id": number,
        "bids": [level for level in levels if level[1] < 100],  # type: ignore[operator]
        "asks": [level for level in levels if level[1] > 100],  # type: ignore[operator]
    } | ({} if before is None else {"prev_change_id": before})
    params = {"channel": "book.BTC-PERPETUAL.raw", "data": body}
    return json.dumps({"jsonrpc": "2.0", "method": "subscription", "params": params}).encode()


def make_frames(chance: random.Random) -> list[bytes]:
    """A connection's frames: a snapshot, changes, some of them lost, then another snapshot."""
    levels: dict[int, int] = {}
    frames, number, has_lost = [], 0, True
    for _ in range(120):
        price, amount = chance.choice([*range(90, 100), *range(101, 111)]), chance.randrange(4) * 10
        number, before = number + chance.randrange(1, 4), number
        action = "delete" if not amount else "change" if price in levels else "new"
        if not amount and levels.pop(price, None) is None:
            continue
        if amount:
            levels[price] = amount
        if not frames or (has_lost and chance.random() < 0.3):
            whole = [["new", *level] for level in levels.items()]
            frames.append(notify("snapshot", number, None, whole))
            has_lost = False
        elif chance.random() < 0.04:
            has_lost = True
        else:
            frames.append(notify("change", number, before, [[action, price, amount]]))
    return frames


@pytest.mark.parametrize("seed", range(4))
def test_it_is_the_decoders_own_book_or_none_where_that_was_invalid(
    tmp_path: Path, seed: int
) -> None:
    chance = random.Random(seed)
    decoder = DeribitDecoder(instruments={"BTC-PERPETUAL": "BTC-PERPETUAL"}, conn="c")
    messages = [
        ledger_message(
            "connect", "start", venue="deribit", symbol="BTC-PERPETUAL", conn="c", at_us=NOON_US
        )
    ]
    wanted = {}
    for n, data in enumerate(make_frames(chance)):
        time_us = NOON_US + (n + 1) * SECOND_US
        messages += decoder.decode(Frame(data, time_us)).messages
        kept = decoder._books["BTC-PERPETUAL"]._book
        levels = [(side, *one) for side, of in kept.levels.items() for one in of.items()]
        wanted[time_us] = sort_levels(levels) if kept.valid else None  # type: ignore[arg-type]
    land_messages(tmp_path, messages)
    for time_us, after_us in pairwise(sorted(wanted)):  # what was lost may have come by then
        wanted[time_us + SECOND_US // 2] = wanted[after_us] and wanted[time_us]
    assert None in wanted.values()
    for time_us in chance.sample(sorted(wanted), 60):
        try:
            found = book_at(str(tmp_path), "deribit", "BTC-PERPETUAL", from_epoch_us(time_us))
        except NoBook as refusal:
            assert "hole of the feed ledger (broken_chain" in str(refusal)
            assert wanted[time_us] is None
        else:
            assert (found.bids, found.asks) == wanted[time_us]


@pytest.fixture
def ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    monkeypatch.setenv("TICKHOUSE_VAR", str(tmp_path / "var"))
    monkeypatch.setenv("TICKHOUSE_STREAM_LAKE", str(tmp_path / "lake"))
    land_messages(tmp_path / "lake", [*ALWAYS, change(900, 7)])

    def run(*words: str, code: int = 0) -> str:
        outcome = CliRunner().invoke(cli, ["book", "gemini", SYMBOL, *words])
        assert outcome.exit_code == code, outcome.output
        return outcome.output

    return run


def test_the_verb_prints_the_levels_and_a_refusal_in_one_sentence(ask: Callable[..., str]) -> None:
    printed = ask("--at", "2026-11-20T12:00:05")
    assert "98" in printed and "101" in printed and "spread 2" in printed
    found = json.loads(ask("--at", "2026-11-20T12:00:05Z", "--depth", "1", "--json"))
    assert found["bids"] == [["99", "1"]] and found["asks"] == [["101", "2"]]
    assert (found["spread"], found["conn"]) == ("2", "a")
    assert found["received_at"] == "2026-11-20T12:00:04+00:00"
    assert "is not an ISO time" in ask("--at", "noon", code=1)
    early = ask("--at", "2026-11-20T11:00", code=1)
    assert "had not connected yet" in early and "gemini has" not in early
    unknown = CliRunner().invoke(cli, ["book", "gemini", "BTCUSD", "--at", "2026-11-20T12:00:05"])
    assert f"had not connected yet (gemini has {SYMBOL})" in unknown.output
    assert "is not a time from" in ask("--at", "9999-12-31T23:59:59", code=1)
    for bound in ("1970-01-01", "2200-01-01"):
        assert "Traceback" not in ask("--at", bound, code=1)


def test_checkpoints_leave_every_book_as_it_was_and_make_old_files_unneeded(
    tmp_path: Path,
) -> None:
    chance, messages, offsets = random.Random(9), [ledger(0, "connect"), snapshot(1)], {}
    for s in range(2, 4000, 3):
        level = BookChange("bid", D(chance.randrange(50, 98)), D(chance.randrange(3)))
        messages.append(book(s, level))
    land_messages(tmp_path, messages[:700], offsets)
    (old_file,) = DeltaTable(str(tmp_path / "book_changes")).file_uris()
    land_messages(tmp_path, messages[700:], offsets)
    moments = [1.0, 899.0, 900.0, 901.5, 1802.0, 2800, *chance.sample(range(2, 3900), 12)]
    before = {s: find(tmp_path, s) for s in moments}
    checkpoints = BookCheckpoints(str(tmp_path))
    assert checkpoints.add() == 4 and checkpoints.add() == 0
    BookCheckpoints(str(tmp_path)).add()  # the same once more, which changes nothing
    rows = DeltaTable(str(tmp_path / "book_checkpoints")).to_pyarrow_table()
    noon = at("12:00")
    times = [noon + timedelta(seconds=s) for s in (899, 1799, 2699, 3599)]
    assert sorted(rows["received_time"].to_pylist()) == times
    assert {s: find(tmp_path, s) for s in moments} == before
    Path(old_file.removeprefix("file://")).unlink()
    for s in [s for s in moments if s >= 2699]:
        assert find(tmp_path, s) == before[s]
    with pytest.raises(QueryError, match=r"files of version .* are missing"):
        find(tmp_path, 600)


def test_a_snapshot_after_a_checkpoint_begins_the_book_again(tmp_path: Path) -> None:
    resnapshot = ledger(1000, "recovered", SNAPSHOT)
    further = [change(890, 7), resnapshot, snapshot(1000), change(1100, 3)]
    land_messages(tmp_path, [*ALWAYS, *further])
    assert BookCheckpoints(str(tmp_path)).add() == 1
    assert find(tmp_path, 950) == ((D(99), D(1)), (D(98), D(7)))
    assert find(tmp_path, 1050) == ((D(99), D(1)),)
    assert find(tmp_path, 1100) == ((D(99), D(1)), (D(98), D(3)))


def test_a_message_of_2099_leaves_no_quarter_without_its_checkpoint(tmp_path: Path) -> None:
    land_messages(tmp_path, [*ALWAYS, change(890, 7)])
    years_s = 73 * 366 * 86_400
    land_messages(tmp_path, [change(years_s, 5)], offsets := {Topic.BOOK: 99})
    checkpoints = BookCheckpoints(str(tmp_path))
    assert checkpoints.add() == 0  # the lake reaches no quarter's end yet
    land_messages(tmp_path, [change(901, 3)], offsets)
    assert checkpoints.add() == 1
    rows = DeltaTable(str(tmp_path / "book_checkpoints")).to_pyarrow_table()
    assert rows["received_time"].to_pylist() == [at("12:00") + timedelta(seconds=890)]


def test_a_moment_whose_changes_were_dropped_says_so(tmp_path: Path) -> None:
    land_messages(tmp_path, [*ALWAYS, change(900, 7)])
    assert find(tmp_path, 5) != ()
    part = TopicPartition(Topic.BOOK, 0)
    # the snapshot and the first change are gone, the change of second 4 is kept
    write_floors(str(tmp_path), [Floor(part, 2, at("12:00:02"), 2, at("13:00"))])
    DeltaTable(tmp_path / "book_changes").delete('"offset" < 2')
    for second in (1, 2, 5, 800):
        with pytest.raises(NoBook) as refusal:
            find(tmp_path, second)
        assert str(refusal.value).endswith(
            ": rows of book_changes up to 2026-11-20 12:00:02 were dropped by retention "
            "(TICKHOUSE_LAKE_KEEP_DAYS_BOOK_CHANGES)"
        )
    land_messages(tmp_path, [snapshot(901), change(902, 5)], {Topic.BOOK: 99})
    assert find(tmp_path, 902) == ((D(99), D(1)), (D(98), D(5)))


def test_a_checkpoint_does_not_hide_that_later_changes_were_dropped(tmp_path: Path) -> None:
    land_messages(tmp_path, [*ALWAYS, change(880, 5), change(901, 7), change(1000, 0)])
    BookCheckpoints(str(tmp_path)).add()
    assert find(tmp_path, 902)[-1] == (D(98), D(7))
    part = TopicPartition(Topic.BOOK, 0)
    write_floors(str(tmp_path), [Floor(part, 6, at("12:15:01"), 6, at("13:00"))])
    DeltaTable(tmp_path / "book_changes").delete('"offset" < 6')
    with pytest.raises(NoBook, match="dropped by retention"):
        find(tmp_path, 901)
