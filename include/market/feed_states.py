"""How each feed is by its ledger: the state of a venue is that of its worst symbol. Pure.

A symbol is as well as the best of its live connections. A connection lives from its first entry to
its `disconnect`, or until another process of its feed, of any shard, has an entry of the symbol: a
process that is killed writes none. A symbol of which the feed's newest process has nothing is
followed no more. The quotes of a symbol of a venue that has a feed too are one more symbol.

A hole in the numbers of trades belongs to the symbol, whichever connection reports it, until it is
`healed` or `lost`; any other fault belongs to its connection, until a snapshot or the end. Entries
of one symbol must come in the order of their Kafka offsets; those of several may come in any.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

from include.market.feed_entries import (
    QUOTES,
    FeedEntry,
    is_hole_of_trades,
    is_of_supplier,
    split_connection_id,
)
from include.market.feed_shards import split_feed_name
from include.market.number_ranges import subtract_span
from include.market.venues import (
    BEGINS_AGAIN,
    CLOSES_HOLE,
    DROPPED_BOOK,
    DROPPED_TRADES,
    HEALING,
    SNAPSHOT,
    STOPPED,
    VENUES,
)

State = Literal["live", "gap", "stale", "disconnected"]
LIVE: Final = "live"
GAP: Final = "gap"
STALE: Final = "stale"
DISCONNECTED: Final = "disconnected"
_POLLED: Final = f"{QUOTES} of "  # begins the name of a venue's polled symbol
SEVERITY: tuple[State, ...] = (LIVE, GAP, STALE, DISCONNECTED)


class FeedState(NamedTuple):
    """How a symbol or a venue is, since when (µs since the epoch), and why."""

    state: State
    since_us: int
    cause: str


class FeedStates:
    """Takes the entries of all feeds in; gives the state of each venue."""

    def __init__(self) -> None:
        self._symbols: dict[str, dict[str, _Symbol]] = defaultdict(dict)
        self._processes: dict[str, set[_Process]] = defaultdict(set)  # by feed
        self._began_us: dict[_Process, int] = {}

    @property
    def venues(self) -> list[str]:
        """Every venue that has an entry, in order."""
        return sorted(self._symbols)

    def take(self, entry: FeedEntry) -> None:
        """Take an entry in."""
        symbols = self._symbols[entry.venue]
        symbols.setdefault(_name_symbol(entry), _Symbol()).take(entry)
        if not entry.conn.startswith(HEALING):
            process = _split_process(entry.conn)
            self._processes[process.feed].add(process)
            # It began before any of its records was stamped, whatever its own clock showed.
            began_us = self._began_us.get(process, process.started_us)
            stamped_us = entry.stamped_us if entry.stamped_us > 0 else began_us
            self._began_us[process] = min(began_us, stamped_us)

    def states_of(self, venue: str) -> dict[str, FeedState]:
        """The state of each symbol that the venue's feed follows."""
        return {
            name: symbol.current
            for name, symbol in self._symbols.get(venue, {}).items()
            if symbol.current and self._is_followed(symbol)
        }

    def has_feed(self, venue: str) -> bool:
        """Whether it has more than polled prices."""
        return any(not name.startswith(_POLLED) for name in self.states_of(venue))

    def state_of(self, venue: str) -> FeedState | None:
        """The state of a venue: its worst symbol's, which the cause names; null if it has none.

        Of several such symbols it is the one that has been so for longest, of live ones the last
        that became it.
        """
        states = self.states_of(venue)
        if not states:
            return None
        worst = max((state.state for state in states.values()), key=SEVERITY.index)
        alike = {symbol: state for symbol, state in states.items() if state.state == worst}
        choose = max if worst == LIVE else min
        symbol = choose(sorted(alike), key=lambda symbol: alike[symbol].since_us)
        cause = f"{symbol}: {alike[symbol].cause}" if symbol else alike[symbol].cause
        if worst != LIVE and len(alike) > 1:
            cause += f" (and {len(alike) - 1} more of {len(states)} symbols)"
        return alike[symbol]._replace(cause=cause)

    def _is_followed(self, symbol: "_Symbol") -> bool:
        if symbol.is_stopped and self._has_newer_shard(symbol):
            return False
        return any(
            self._find_newest(self._processes[feed]) in processes
            for feed, processes in symbol.processes.items()
        )

    def _has_newer_shard(self, symbol: "_Symbol") -> bool:
        """Whether a process of its venue's feed was started after those that had the symbol."""
        venues = {split_feed_name(feed)[0] for feed in symbol.processes}
        of_venues = [
            processes
            for feed, processes in self._processes.items()
            if split_feed_name(feed)[0] in venues
        ]
        newest = self._find_newest(set[_Process]().union(*symbol.processes.values()))
        newest_of_all = self._find_newest(set[_Process]().union(*of_venues))
        return self._began_us[newest] < self._began_us[newest_of_all]

    def _find_newest(self, processes: set["_Process"]) -> "_Process":
        return max(processes, key=lambda process: (self._began_us[process], process))


class _Process(NamedTuple):
    """A process of a feed, by when it started (µs) by its own clock."""

    feed: str
    started_us: int


def _name_symbol(entry: FeedEntry) -> str:
    is_apart = entry.venue in VENUES and is_of_supplier(entry.conn)
    return f"{_POLLED}{entry.symbol}" if is_apart else entry.symbol


def _split_process(conn: str) -> _Process:
    """The process of a connection; what polls quotes is a feed of its own."""
    feed, started_us = split_connection_id(conn)
    return _Process(f"{feed} {QUOTES}" if is_of_supplier(conn) else feed, started_us)


@dataclass
class _Connection:
    """What is wrong with a live connection: causes, empty where nothing is.

    `doubt` is a number that did not follow, until the next one shows what it was.
    """

    silence: str = ""
    hole: str = ""
    doubt: str = ""

    @property
    def state(self) -> State:
        if self.silence:
            return STALE
        return GAP if self.cause else LIVE

    @property
    def cause(self) -> str:
        return self.silence or self.hole or self.doubt

    def take(self, entry: FeedEntry) -> None:
        if entry.entry == "stale":
            self.silence = entry.cause
        elif (entry.entry, entry.cause) == ("recovered", SNAPSHOT):
            self.hole = ""
        elif entry.entry == "recovered":
            self.silence = ""
        elif entry.entry in {"jump", "renumbered"}:
            self.doubt = "" if entry.cause == BEGINS_AGAIN else entry.cause
        elif is_hole_of_trades(entry):
            self.doubt = ""
        elif entry.entry == "gap" or entry.cause in {*DROPPED_BOOK, *DROPPED_TRADES}:
            self.hole = entry.cause


@dataclass
class _Symbol:
    """One symbol of a venue; `current` is its state.

    By feed, `last_processes` has the process of the last entry, `processes` all that had one.
    """

    connections: dict[str, _Connection] = field(default_factory=dict)
    holes: dict[tuple[int, int], str] = field(default_factory=dict)
    last_processes: dict[str, _Process] = field(default_factory=dict)
    processes: dict[str, set[_Process]] = field(default_factory=lambda: defaultdict(set))
    end_cause: str | None = None
    current: FeedState | None = None

    @property
    def is_stopped(self) -> bool:
        """Whether the process that followed it was stopped and ended every connection."""
        return not self.connections and self.end_cause == STOPPED

    def take(self, entry: FeedEntry) -> None:
        self._take_numbers(entry)
        if not entry.conn.startswith(HEALING):
            self._end_earlier_processes(entry)
            self._take_life(entry)
        self._judge(entry)

    def _take_numbers(self, entry: FeedEntry) -> None:
        first, last = entry.first_seq, entry.last_seq
        if first is None or last is None:
            return
        if entry.entry in CLOSES_HOLE:
            self.holes = {
                part: cause
                for hole, cause in self.holes.items()
                for part in subtract_span(hole, (first, last))
            }
        elif is_hole_of_trades(entry):
            self.holes.setdefault((first, last), entry.cause)

    def _end_earlier_processes(self, entry: FeedEntry) -> None:
        process = _split_process(entry.conn)
        venue, _ = split_feed_name(process.feed)
        if self.last_processes.get(process.feed) != process:
            self.last_processes[process.feed] = process
            self.processes[process.feed].add(process)
            for conn in list(self.connections):
                of_conn = _split_process(conn)
                if of_conn != process and split_feed_name(of_conn.feed)[0] == venue:
                    del self.connections[conn]

    def _take_life(self, entry: FeedEntry) -> None:
        if entry.entry == "disconnect":
            self.connections.pop(entry.conn, None)
            self.end_cause = entry.cause
        elif entry.entry == "connect":
            self.connections[entry.conn] = _Connection()
        elif entry.conn in self.connections or entry.entry not in {*CLOSES_HOLE, "dropped"}:
            self.connections.setdefault(entry.conn, _Connection()).take(entry)

    def _judge(self, entry: FeedEntry) -> None:
        """Set the state; it holds since this entry if it was another before."""
        live = self.connections.values()
        best = min(live, key=lambda connection: SEVERITY.index(connection.state), default=None)
        if best is None and self.end_cause is None:
            return  # nothing is known but holes
        state: State = best.state if best else DISCONNECTED
        cause = best.cause if best else self.end_cause or ""
        if state in {LIVE, GAP} and self.holes:
            state, cause = GAP, next(iter(self.holes.values()))
        was = self.current
        if was is None or was.state != state:
            self.current = FeedState(state, entry.at_us, cause or entry.cause)
        elif state != LIVE:
            self.current = was._replace(cause=cause)
