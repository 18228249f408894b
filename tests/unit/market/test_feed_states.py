"""The state of a feed by its ledger: connection by connection, symbol by symbol."""

import itertools
import random
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from include.market.feed_entries import FeedEntry, list_entries, split_connection_id
from include.market.feed_states import FeedStates
from streaming.feeds.ledger import ledger_message

BTC, ETH = "BTC-USD", "ETH-USD"
CLOCK = itertools.count(1)


def entry(
    kind: str,
    cause: str = "start",
    *,
    conn: int | str = 1,
    symbol: str = BTC,
    process: int = 100,
    numbers: tuple[int, int] | None = None,
    venue: str = "gemini",
) -> FeedEntry:
    conn_id = f"{venue}-{process}-{conn}" if isinstance(conn, int) else conn
    first, last = numbers or (None, None)
    return FeedEntry(venue, symbol, conn_id, kind, cause, first, last, next(CLOCK))


def fold(*entries: FeedEntry) -> FeedStates:
    states = FeedStates()
    for one in entries:
        states.take(one)
    return states


def state(*entries: FeedEntry) -> tuple[str, str]:
    found = fold(*entries).state_of(entries[0].venue)
    assert found is not None
    return found.state, found.cause


LIVE = (entry("connect"), entry("connect", conn=2, symbol=ETH))
HOLE, CLOSED = (11, 14), "refilled by REST"


def test_a_symbols_connect_hides_no_other_symbols_disconnect() -> None:
    lost = entry("disconnect", "reset", symbol=ETH, conn=2)
    again = entry("connect", "reset", conn=3)
    assert state(*LIVE, lost, entry("disconnect", "reset"), again) == (
        "disconnected",
        "ETH-USD: reset",
    )
    both = entry("disconnect", "reset", conn=3)
    assert state(*LIVE, lost, entry("disconnect", "gone"), again, both) == (
        "disconnected",
        "ETH-USD: reset (and 1 more of 2 symbols)",
    )


def test_the_end_of_a_replaced_connection_is_no_end_of_the_feed() -> None:
    renewed = entry("connect", "renew", conn=3), entry("disconnect", "renewed", conn=1)
    assert state(*LIVE, *renewed)[0] == "live"
    assert state(*LIVE, *renewed, entry("disconnect", "reset", conn=3)) == (
        "disconnected",
        "BTC-USD: reset",
    )


def test_one_silent_symbol_makes_the_venue_stale() -> None:
    silent = entry("stale", "silent", conn=2, symbol=ETH)
    assert state(*LIVE, silent) == ("stale", "ETH-USD: silent")
    successor = entry("connect", "silent", conn=3, symbol=ETH)
    assert state(*LIVE, silent, successor)[0] == "live", "the successor is as good as any"
    assert state(*LIVE, silent, entry("recovered", "frame", conn=2, symbol=ETH))[0] == "live"


def test_a_healed_hole_hides_no_disconnect() -> None:
    gap = entry("gap", "between_connections", numbers=HOLE)
    healed = entry("healed", CLOSED, conn="heal-900", numbers=HOLE)
    down = entry("disconnect", "reset")
    assert state(*LIVE, gap) == ("gap", "BTC-USD: between_connections")
    assert state(*LIVE, gap, healed) == ("live", f"BTC-USD: {CLOSED}")
    assert state(*LIVE, gap, down, healed) == ("disconnected", "BTC-USD: reset")
    assert state(*LIVE, gap, down, entry("connect", "reset", conn=3))[0] == "gap", "it is open"


@pytest.mark.parametrize("closing", ["healed", "lost"])
def test_each_hole_of_trades_is_closed_by_its_own_numbers(closing: str) -> None:
    one = entry("gap", "between_connections", numbers=HOLE)
    other = entry("gap", "between_connections", numbers=(20, 21))
    closed = entry(closing, CLOSED, conn="heal-900", numbers=HOLE)
    assert state(*LIVE, one, other, closed)[0] == "gap"
    rest = entry(closing, CLOSED, conn="heal-900", numbers=(20, 21))
    assert state(*LIVE, one, other, closed, rest)[0] == "live"


def test_a_hole_of_the_book_ends_with_a_snapshot_or_its_connection() -> None:
    gap = entry("gap", "missing", numbers=HOLE)  # frames of Gemini: REST heals none
    assert state(*LIVE, gap) == ("gap", "BTC-USD: missing")
    assert state(*LIVE, gap, entry("recovered", "snapshot"))[0] == "live"
    resync = entry("connect", "resync", conn=3), entry("disconnect", "resync")
    assert state(*LIVE, gap, *resync)[0] == "live"


def test_a_dropped_message_counts_as_what_it_held() -> None:
    damaged = entry("dropped", "spool damaged: trade", numbers=HOLE)
    assert state(*LIVE, damaged) == ("gap", "BTC-USD: spool damaged: trade")
    trades = entry("dropped", "spool full: trade", numbers=HOLE)
    assert state(*LIVE, trades) == ("gap", "BTC-USD: spool full: trade")
    assert state(*LIVE, trades, entry("healed", CLOSED, conn="heal-9", numbers=HOLE))[0] == "live"
    book = entry("dropped", "spool full: book")
    assert state(*LIVE, book)[0] == "gap"
    assert state(*LIVE, book, entry("recovered", "snapshot"))[0] == "live"
    assert state(*LIVE, entry("dropped", "spool full: ticker"))[0] == "live"
    late = entry("disconnect", "reset"), entry("dropped", "spool full: book")
    assert state(*LIVE, *late)[0] == "disconnected", "what is reported late opens no connection"


def test_numbers_that_do_not_follow_are_in_doubt_until_the_next_one() -> None:
    wild = entry("jump", "unconfirmed", numbers=(11, 10**9), venue="binance")
    live = entry("connect", venue="binance")
    assert state(live, wild) == ("gap", "BTC-USD: unconfirmed")
    gap = entry("gap", "missing", numbers=(11, 10**9), venue="binance")
    healed = entry("healed", conn="heal-1", numbers=(11, 10**9), venue="binance")
    assert state(live, wild, gap, healed)[0] == "live"
    fell = entry("renumbered", "unconfirmed", numbers=(1, 10), venue="binance")
    again = entry("renumbered", "begins_again", numbers=(1, 10), venue="binance")
    assert state(live, fell)[0] == "gap" and state(live, fell, again)[0] == "live"


def test_a_new_process_ends_what_a_killed_one_left_open() -> None:
    refused = entry("disconnect", "refused: 503", process=200)
    assert state(*LIVE, refused) == ("disconnected", "BTC-USD: refused: 503")
    again = entry("connect", "refused: 503", conn=2, process=200)
    assert state(*LIVE, refused, again)[0] == "live"
    assert state(*LIVE, refused, again, entry("disconnect", "x", conn=2, process=200)) == (
        "disconnected",
        "BTC-USD: x",
    )
    by_an_earlier_clock = entry("connect", process=50), entry("disconnect", "reset", process=50)
    assert state(LIVE[0], *by_an_earlier_clock)[0] == "disconnected"


def test_another_feeds_process_ends_nothing() -> None:
    elsewhere = entry("connect", conn="gemini.2-150-1")
    assert state(LIVE[0], elsewhere, entry("disconnect", conn="gemini.2-150-1"))[0] == "live"


def test_a_symbol_that_is_followed_no_more_does_not_count() -> None:
    stopped = entry("disconnect", "stopped"), entry("disconnect", "stopped", conn=2, symbol=ETH)
    again = entry("connect", process=200)
    assert state(*LIVE, *stopped, again) == ("live", "BTC-USD: start")
    assert state(*LIVE, again) == ("live", "BTC-USD: start"), "of a killed process too"


def of_shard(kind: str, cause: str, *, shard: str, symbol: str) -> FeedEntry:
    return entry(kind, cause, conn=f"{shard}-1", symbol=symbol, venue="binance")


def test_a_symbol_is_of_the_shard_that_has_it_now() -> None:
    killed = of_shard("connect", "start", shard="binance-100", symbol=ETH)
    taken_over = of_shard("connect", "start", shard="binance-2-200", symbol=ETH)
    assert state(killed, taken_over)[0] == "live"
    away = of_shard("disconnect", "reset", shard="binance-2-200", symbol=ETH)
    assert state(killed, taken_over, away) == ("disconnected", "ETH-USD: reset"), "none is left"


def test_a_symbol_of_a_shard_that_is_no_more_does_not_count() -> None:
    btc = of_shard("connect", "start", shard="binance-100", symbol=BTC)
    eth = of_shard("connect", "start", shard="binance-2-100", symbol=ETH)
    stopped = [
        of_shard("disconnect", "stop", shard="binance-100", symbol=BTC),
        of_shard("disconnect", "stop", shard="binance-2-100", symbol=ETH),
    ]
    assert state(btc, eth, stopped[1])[0] == "disconnected", "it is only away"
    again = of_shard("connect", "start", shard="binance-200", symbol=BTC)
    assert state(btc, eth, *stopped, again) == ("live", "BTC-USD: start")


def test_a_supplier_that_ceases_to_answer_for_one_symbol_is_away() -> None:
    of = {"venue": "coinbase", "conn": "coinbase-100-quotes"}
    up = entry("connect", **of), entry("connect", symbol=ETH, **of)  # type: ignore[arg-type]
    down = entry("disconnect", "http 500", symbol=ETH, **of)  # type: ignore[arg-type]
    assert state(*up, down) == ("disconnected", "ETH-USD: http 500")
    back = entry("connect", "answers", symbol=ETH, **of)  # type: ignore[arg-type]
    assert state(*up, down, back)[0] == "live"


def test_the_quotes_of_a_venue_that_has_a_feed_are_not_its_feed() -> None:
    quotes = {"conn": "gemini-150-quotes"}
    answers = entry("connect", "answers", **quotes)  # type: ignore[arg-type]
    refused = entry("disconnect", "http 429", **quotes)  # type: ignore[arg-type]
    silent = entry("stale", "no data for 30 s")
    assert state(*LIVE, answers) == ("live", "quotes of BTC-USD: answers")
    assert state(*LIVE, answers, silent) == ("stale", "BTC-USD: no data for 30 s")
    assert state(*LIVE, silent, answers) == ("stale", "BTC-USD: no data for 30 s")
    assert state(*LIVE, answers, refused) == ("disconnected", "quotes of BTC-USD: http 429")


def test_since_is_when_the_state_began() -> None:
    first = entry("disconnect", "reset")
    retry = entry("disconnect", "refused: 503", conn=3)
    found = fold(*LIVE, first, retry).state_of("gemini")
    assert found == ("disconnected", first.at_us, "BTC-USD: refused: 503")
    renewed = entry("connect", "renew", conn=4), entry("disconnect", "renewed")
    assert fold(LIVE[0], *renewed).state_of("gemini") == ("live", LIVE[0].at_us, "BTC-USD: start")


def test_nothing_is_known_of_a_venue_without_connections() -> None:
    assert FeedStates().state_of("gemini") is None
    healed = entry("healed", CLOSED, conn="heal-1", numbers=HOLE)
    assert fold(healed).state_of("gemini") is None
    message = ledger_message("connect", "start", venue="kraken", symbol="", conn="c", at_us=7)
    assert fold(*list_entries(message)).state_of("kraken") == ("live", 7, "start")


@pytest.mark.parametrize(
    ("conn", "process"),
    [
        ("gemini-1700-12", ("gemini", 1700)),
        ("coin-base-1700-quotes", ("coin-base", 1700)),
        ("gemini_v1/btcusd", ("", 0)),
        ("", ("", 0)),
    ],
)
def test_a_connection_names_its_process(conn: str, process: tuple[str, int]) -> None:
    assert split_connection_id(conn) == process


@dataclass
class Truth:
    """What is really so of a symbol: its connections as sets of faults, its missing numbers."""

    connections: dict[int, set[str]] = field(default_factory=dict)
    missing: set[tuple[int, int]] = field(default_factory=set)
    is_known: bool = False

    def state(self) -> str:
        if not self.connections:
            return "disconnected"
        if all("silent" in faults for faults in self.connections.values()):
            return "stale"
        heard = [faults for faults in self.connections.values() if "silent" not in faults]
        return "gap" if self.missing or all(heard) else "live"


class World:
    """A feed that is killed, restarted and cut; each symbol's entries in their order."""

    def __init__(self, chance: random.Random) -> None:
        self.chance, self.numbers = chance, itertools.count(1)
        self.entries: dict[str, list[FeedEntry]] = {s: [] for s in ("A-USD", "B-USD", "C-USD")}
        self.truths = {symbol: Truth() for symbol in self.entries}
        self.process = 100

    def act(self) -> None:
        if self.chance.random() < 0.05:
            self.restart()
            return
        symbol = self.chance.choice([s for s, truth in self.truths.items() if truth is not None])
        truth = self.truths[symbol]
        if not truth.connections or self.chance.random() < 0.2:
            self.open(symbol)
            return
        conn = self.chance.choice(list(truth.connections))
        self.harm(symbol, conn, truth.connections[conn])

    def restart(self) -> None:
        """Every connection dies with the process, with a word or without."""
        for symbol, truth in self.truths.items():
            for conn in list(truth.connections) if self.chance.random() < 0.5 else []:
                self.write(symbol, "disconnect", "stopped", conn=conn)
            truth.connections.clear()
            truth.is_known = False
        self.process += 1

    def open(self, symbol: str) -> None:
        conn = next(self.numbers)
        if self.chance.random() < 0.3:
            self.write(symbol, "disconnect", "refused: 503", conn=conn)
        else:
            self.write(symbol, "connect", "start", conn=conn)
            self.truths[symbol].connections[conn] = set()
        self.truths[symbol].is_known = True

    def harm(self, symbol: str, conn: int, faults: set[str]) -> None:
        truth, at = self.truths[symbol], next(self.numbers)
        what = self.chance.choice(["end", "stale", "frame", "break", "snapshot", "miss", "heal"])
        if what == "end":
            self.write(symbol, "disconnect", "reset", conn=conn)
            del truth.connections[conn]
        elif what == "stale":
            self.write(symbol, "stale", "silent", conn=conn)
            faults.add("silent")
        elif what == "frame":
            self.write(symbol, "recovered", "frame", conn=conn)
            faults.discard("silent")
        elif what == "break":
            self.write(symbol, "gap", "missing", conn=conn, numbers=(at, at))
            faults.add("broken")
        elif what == "snapshot":
            self.write(symbol, "recovered", "snapshot", conn=conn)
            faults.discard("broken")
        elif what == "miss":
            self.write(symbol, "gap", "between_connections", conn=conn, numbers=(at, at + 2))
            truth.missing.add((at, at + 2))
        elif truth.missing:
            hole = truth.missing.pop()
            self.write(symbol, "healed", CLOSED, conn=f"heal-{at}", numbers=hole)

    def write(self, symbol: str, kind: str, cause: str, **more: object) -> None:
        row = entry(kind, cause, symbol=symbol, process=self.process, **more)  # type: ignore[arg-type]
        self.entries[symbol].append(row)

    def interleave(self) -> list[FeedEntry]:
        """Any order that keeps each symbol's own."""
        waiting, mixed = [list(rows) for rows in self.entries.values() if rows], []
        while waiting:
            rows = self.chance.choice(waiting)
            mixed.append(rows.pop(0))
            waiting = [rows for rows in waiting if rows]
        return mixed


@settings(max_examples=300, deadline=None)
@given(seed=st.integers(0, 2**32), steps=st.integers(1, 120))
def test_whatever_happens_to_connections_the_state_is_the_true_one(seed: int, steps: int) -> None:
    world = World(random.Random(seed))
    for _ in range(steps):
        world.act()
    states = fold(*world.interleave())
    true = {symbol: truth.state() for symbol, truth in world.truths.items() if truth.is_known}
    if not true:
        return  # the newest process has said nothing yet
    assert {s: one.state for s, one in states.states_of("gemini").items()} == true
    worst = max(true.values(), key=["live", "gap", "stale", "disconnected"].index)
    found = states.state_of("gemini")
    assert found is not None and found.state == worst
    assert true[found.cause.partition(":")[0]] == worst


def test_a_process_whose_clock_was_ahead_hides_no_symbol_of_the_later_ones() -> None:
    """Kafka's stamps say which process came later, whatever the feeds' own clocks were."""
    year_2099 = 4_070_908_800_000_000
    ahead = entry("connect", process=year_2099)._replace(stamped_us=1_000)
    later = [
        entry("connect", conn=number, symbol=symbol, process=2_000)._replace(stamped_us=2_000)
        for number, symbol in enumerate((BTC, ETH))
    ]
    for order in itertools.permutations([ahead, *later]):
        if order.index(ahead) > order.index(later[0]):
            continue  # entries of one symbol come in order
        assert set(fold(*order).states_of("gemini")) == {BTC, ETH}
    dropped = [ahead, entry("connect", symbol=ETH, process=year_2099)._replace(stamped_us=1_001)]
    assert set(fold(*dropped, later[0]).states_of("gemini")) == {BTC}


def test_without_stamps_a_process_began_when_it_says() -> None:
    states = fold(entry("connect", symbol=ETH, process=100), entry("connect", process=200))
    assert set(states.states_of("gemini")) == {BTC}


def test_a_hole_that_two_entries_close_is_closed() -> None:
    lost = entry("gap", "between_connections", numbers=(5, 9))
    parts = [entry("healed", "refilled", numbers=numbers) for numbers in ((7, 9), (5, 6))]
    assert state(entry("connect"), lost, parts[0])[0] == "gap"
    assert state(entry("connect"), lost, *parts)[0] == "live"
