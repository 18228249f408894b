"""What the ledger has about a book at a moment, at the very edges of its entries."""

import pytest

from include.market.book_life import (
    SIGN_OF_LIFE_US,
    BookHole,
    BookLife,
    LedgerRow,
    describe_time,
    died_at,
    is_book_gap,
    read_lives,
)
from include.market.venues import BETWEEN_CONNECTIONS, SNAPSHOT


def row(
    at_us: int,
    entry: str,
    cause: str = "",
    *,
    conn: str = "c",
    first_seq: int | None = None,
    detail: str | None = None,
) -> LedgerRow:
    return LedgerRow(conn, entry, cause, first_seq, detail, at_us)


def life(*rows: LedgerRow, venue: str = "gemini") -> BookLife:
    (only,) = read_lives(venue, [row(100, "connect"), *rows])
    return only


@pytest.mark.parametrize(
    ("at_us", "is_open"), [(99, False), (100, True), (199, True), (200, False)]
)
def test_a_connection_is_open_from_its_connect_to_before_its_disconnect(
    at_us: int, is_open: bool
) -> None:
    ended = life(row(200, "disconnect", "reset"))
    assert ended.is_open(at_us) is is_open
    assert (ended.closed_us, ended.closing_cause) == (200, "reset")
    assert life().is_open(10**9)


def test_connections_are_given_newest_first_and_entries_of_unknown_ones_are_none() -> None:
    rows = [
        row(50, "disconnect", "x", conn="unknown"),
        row(300, "connect", conn="b"),
        row(100, "connect", conn="a"),
        row(200, "disconnect", "cut", conn="a"),
    ]
    lives = read_lives("gemini", rows)
    assert [(one.conn, one.opened_us, one.closed_us) for one in lives] == [
        ("b", 300, None),
        ("a", 100, 200),
    ]
    assert (lives[0].signs_us, lives[1].signs_us) == ([], [200])


def test_a_silence_lasts_from_stale_to_the_first_recovery() -> None:
    silent = life(row(150, "stale", "silent"), row(180, "recovered"), row(190, "recovered"))
    assert silent.silent_spells == [(150, 180)]
    assert [bool(silent.describe_silence(at)) for at in (149, 150, 179, 180)] == [
        False,
        True,
        True,
        False,
    ]
    text = "stale since 1970-01-01T00:00:00.000150Z: the feed heard nothing"
    assert silent.describe_silence(150) == text
    assert life(row(150, "stale", "silent")).describe_silence(10**9) == text
    assert life(row(150, "stale", "quiet")).silent_spells == []
    assert life(row(180, "recovered")).silent_spells == []


def test_a_recovery_by_a_snapshot_is_a_new_book_and_no_end_of_a_silence() -> None:
    both = life(row(150, "stale", "silent"), row(170, "recovered", SNAPSHOT))
    assert (both.resnapshots_us, both.silent_spells) == ([170], [(150, None)])


@pytest.mark.parametrize(
    ("venue", "cause", "first_seq", "is_gap"),
    [
        ("gemini", "missing", 5, True),  # of frames
        ("gemini", BETWEEN_CONNECTIONS, 5, False),  # of trades, which REST has
        ("gemini", BETWEEN_CONNECTIONS, None, True),
        ("deribit", "missing", 5, False),
        ("deribit", "broken_chain", None, True),
        ("binance", "missing", 5, False),
    ],
)
def test_a_gap_of_trades_alone_is_none_of_the_book(
    venue: str, cause: str, first_seq: int | None, is_gap: bool
) -> None:
    assert is_book_gap(venue, cause, first_seq) is is_gap
    holes = [BookHole(150, 150, cause)] if is_gap else []
    assert life(row(150, "gap", cause, first_seq=first_seq), venue=venue).holes == holes


@pytest.mark.parametrize("cause", ["spool full: book", "spool damaged: book"])
def test_what_a_spool_lost_of_the_book_is_a_hole_of_its_receipts(cause: str) -> None:
    detail = "9 records received from 120 to 140 us"
    assert life(row(150, "dropped", cause, detail=detail)).holes == [BookHole(120, 140, cause)]
    assert life(row(150, "dropped", cause)).holes == [BookHole(150, 150, cause)]
    assert life(row(150, "dropped", "spool full: trade", detail=detail)).holes == []


def found(hole: BookHole, at_us: int, *, snapshot: int, last: int, after: int | None) -> object:
    one = BookLife("c", 0, holes=[hole])
    return one.find_hole(at_us, snapshot_us=snapshot, last_us=last, next_us=after)


def test_a_moment_behind_a_hole_lies_in_it_until_the_next_snapshot() -> None:
    hole = BookHole(120, 140, "x")
    assert found(hole, 119, snapshot=50, last=119, after=160) is None
    assert found(hole, 120, snapshot=50, last=110, after=160) == hole
    assert found(hole, 500, snapshot=139, last=450, after=None) == hole
    assert found(hole, 500, snapshot=140, last=450, after=None) is None


def test_a_moment_between_the_last_message_and_the_gap_lies_in_the_gap() -> None:
    gap = BookHole(140, 140, "missing")
    assert found(gap, 130, snapshot=50, last=120, after=None) == BookHole(120, 140, "missing")
    assert found(gap, 130, snapshot=50, last=120, after=140) == BookHole(120, 140, "missing")
    assert found(gap, 130, snapshot=50, last=120, after=139) is None  # a message came before it
    assert found(gap, 130, snapshot=50, last=130, after=None) is None
    assert found(BookHole(135, 140, "x"), 130, snapshot=50, last=120, after=None) is None


def death(
    at_us: int, *, signs: tuple[int, ...] = (), starts: tuple[int, ...] = (), end: int
) -> object:
    return died_at(BookLife("c", 100), signs, starts, at_us=at_us, end_us=end)


def test_a_connection_without_a_sign_of_life_for_five_minutes_is_dead() -> None:
    at = 10**9
    assert SIGN_OF_LIFE_US == 300_000_000
    latest = at + SIGN_OF_LIFE_US
    assert death(at, end=latest) == 100
    assert death(at, end=latest - 1) is None  # the lake does not reach so far
    assert death(at, signs=(500,), end=latest) == 500
    assert death(at, signs=(500, at), end=latest) is None
    assert death(at, signs=(latest,), end=latest) is None
    assert death(at, signs=(latest + 1,), end=latest + 1) == 100


def test_a_connection_is_dead_once_its_feed_was_started_again() -> None:
    at = 10**9
    latest = at + SIGN_OF_LIFE_US
    assert death(at, starts=(101,), end=at) == 100
    assert death(at, starts=(100,), end=at) is None  # its own start
    assert death(at, starts=(latest,), end=at) == 100
    assert death(at, starts=(latest + 1,), end=at) is None


def test_a_time_is_shown_in_utc_to_the_microsecond() -> None:
    assert describe_time(0) == "1970-01-01T00:00:00.000000Z"
    assert describe_time(1_600_000_000_000_001) == "2020-09-13T12:26:40.000001Z"
