"""`python -m streaming.feeds.heal_gaps`: refill the trade holes that the ledger names, once.

The last line of its output is a summary in JSON; an error is a line `error: Class: message`.
"""

import asyncio
import json
import logging
import sys
from datetime import datetime
from pathlib import Path

import click

from include.bus import Producer
from include.clock import now_us
from include.errors import QueryError, StateError
from include.lake.file_selection import files_not_in, list_files, list_uris
from include.lake.minute_holes import hole_sql
from include.lake.open_holes import open_parts_sql
from include.lake.reading import connect, open_table, query
from include.log import event
from include.market.time import SECOND_US
from include.market.venues import BEGINS_AGAIN, CLOSES_HOLE, HEALING, VENUES, TradeNumbers
from include.process import run_job
from include.settings import Settings, from_environment
from include.state_files import read_checked_file, write_checked_file
from streaming.feeds.fetch import MAX_WAIT_S, open_fetch
from streaming.feeds.healer import Healer, Hole, lost_message
from streaming.feeds.registry import refills
from streaming.feeds.venue_pauses import ObedientFetch

log = logging.getLogger("tickhouse.feeds")
OPEN_HOLES = """
WITH {open_parts}
SELECT DISTINCT venue, symbol, first_seq, last_seq FROM parts ORDER BY ALL
"""
LANDED_NUMBERS = """
SELECT DISTINCT {number} FROM trades WHERE venue = '{venue}' AND symbol = '{symbol}'
  AND {number} BETWEEN {first} AND {last}
"""
# Where the venue began again: numbers from before are those of other trades.
BEGINNINGS = f"""
SELECT * FROM market_ledger again
WHERE again.entry = 'renumbered' AND again.cause = '{BEGINS_AGAIN}' AND again.first_seq IS NOT NULL
"""
BEGINS_LATER = f"""EXISTS ({BEGINNINGS} AND again.venue = gap.venue AND again.symbol = gap.symbol
    AND again.received_time > gap.received_time)"""
LAST_BEGINNING = f"""
SELECT max(received_time) FROM ({BEGINNINGS}) WHERE venue = $venue AND symbol = $symbol
"""
NUMBER_OF_TRADE = {
    TradeNumbers.SEQUENCE: "seq_first + event_index",
    TradeNumbers.TRADE_ID: "CAST(trade_id AS BIGINT)",
}


class DeltaLake:
    """The holes and landed trades, by SQL over the Delta tables."""

    def __init__(self, lake: str) -> None:
        self._lake = lake
        self._beginnings: dict[tuple[str, str], datetime | None] = {}
        self._landed: dict[Hole, tuple[frozenset[str], set[int]]] = {}  # files read, their numbers

    def open_holes(self) -> list[Hole]:
        """The parts of holes that no `healed` or `lost` row closes; none without a ledger."""
        if open_table(self._lake, "feed_ledger") is None:
            return []
        return [Hole(*row) for row in query(self._lake, open_holes_sql())[1]]

    def landed_numbers(self, hole: Hole) -> set[int]:
        """The trade numbers within a hole that have landed; reads each file of trades once."""
        trades = open_table(self._lake, "trades")
        if trades is None:
            return set()
        counted_files, numbers = self._landed.get(hole, (frozenset(), set()))
        files = list_files(trades)
        new_files = list_uris(files_not_in(files, counted_files))
        statement = self._landed_sql(hole)
        connection = connect(self._lake, ["trades"], choose_files=lambda *_: new_files)
        try:
            new_numbers = {int(number) for (number,) in connection.execute(statement).fetchall()}
        finally:
            connection.close()
        self._landed[hole] = frozenset(list_uris(files)), numbers | new_numbers
        return numbers | new_numbers

    def _landed_sql(self, hole: Hole) -> str:
        statement = LANDED_NUMBERS.format(
            number=NUMBER_OF_TRADE[VENUES[hole.venue].trades],
            venue=hole.venue,
            symbol=hole.symbol,
            first=hole.first,
            last=hole.last,
        )
        beginning = self._find_last_beginning(hole.venue, hole.symbol)
        if beginning is None:
            return statement
        return f"{statement} AND received_time >= TIMESTAMPTZ '{beginning.isoformat()}'"

    def outdated_holes(self) -> list[Hole]:
        """The open holes from before the venue began again: it cannot list them again."""
        if not self._has_beginnings():
            return []
        rows = query(self._lake, open_holes_sql(BEGINS_LATER))[1]
        return [Hole(*row) for row in rows]

    def _has_beginnings(self) -> bool:
        if open_table(self._lake, "feed_ledger") is None:
            return False
        return query(self._lake, f"SELECT count(*) FROM ({BEGINNINGS})")[1] != [(0,)]

    def _find_last_beginning(self, venue: str, symbol: str) -> datetime | None:
        if (venue, symbol) not in self._beginnings:
            scope = {"venue": venue, "symbol": symbol}
            has_any = self._has_beginnings()
            ((at,),) = query(self._lake, LAST_BEGINNING, scope)[1] if has_any else ((None,),)
            self._beginnings[venue, symbol] = at
        return self._beginnings[venue, symbol]


def open_holes_sql(condition: str = "TRUE") -> str:
    """SQL for the holes of trades that some venue's REST can fill and nothing has closed yet."""
    open_parts = open_parts_sql(is_hole=hole_sql("gap"), closed_by=CLOSES_HOLE, condition=condition)
    return OPEN_HOLES.format(open_parts=open_parts)


def accept_loss(settings: Settings, hole: Hole) -> None:
    """Close an open hole without its trades, by hand; the trader then trades again.

    Raises:
        QueryError: it is not open.
    """
    if hole not in DeltaLake(settings.lake).open_holes():
        raise QueryError(
            f"{hole.venue} {hole.symbol} {hole.first} to {hole.last} is no open hole: "
            "./tickhouse holes list shows those that are"
        )
    producer = Producer(settings.bootstrap, client_id="accept-loss")
    try:
        at_us = now_us()
        conn = f"{HEALING}{at_us}"
        producer.publish(lost_message(hole, "accepted by hand", conn=conn, at_us=at_us))
        producer.flush()
    finally:
        producer.close()


async def heal(settings: Settings, *, wait_s: float) -> dict[str, object]:
    """Heal once; the summary."""
    refusals = settings.home / "feeds" / "healing_refusals.json"
    progress = settings.home / "feeds" / "healing_progress.json"
    producer = Producer(settings.bootstrap, client_id="heal-gaps")
    try:
        async with open_fetch() as fetch:
            lake = DeltaLake(settings.lake)
            conn = f"{HEALING}{now_us()}"
            for hole in lake.outdated_holes():
                producer.publish(lost_message(hole, "begun again", conn=conn, at_us=now_us()))
            healer = Healer(
                lake=lake,
                refills=refills(settings.venues),
                fetch=ObedientFetch(fetch, refusals.parent, now_us=now_us),
                publish=producer.publish,
                flush=producer.flush,
                now_us=now_us,
                conn=conn,
                wait_s=wait_s,
                refused_until=read_refusals(refusals, now_us=now_us()),
                resume_at=_read_numbers(progress),
            )
            summary = await healer.run()
            refusals.parent.mkdir(parents=True, exist_ok=True)
            write_checked_file(refusals, healer.refused_until)
            write_checked_file(progress, healer.resume_at)
            return summary
    finally:
        await asyncio.to_thread(producer.close)


def read_refusals(path: Path, *, now_us: int) -> dict[str, int]:
    """Until when (µs UTC) each venue asked an earlier run to wait; a damaged file counts as none.

    What lies further ahead than any venue may ask for comes from a clock that was wrong.
    """
    refused_until = _read_numbers(path)
    latest_us = now_us + int(MAX_WAIT_S * SECOND_US)
    return {venue: until for venue, until in refused_until.items() if now_us < until <= latest_us}


def _read_numbers(path: Path) -> dict[str, int]:
    """What an earlier run left in a file; nothing if it is damaged."""
    try:
        return read_checked_file(path, dict[str, int]) or {}
    except StateError as error:
        log.warning(event("state of healing forgotten", error=error))
        return {}


@click.command()
@click.option("--wait-s", default=60.0, help="how long a refill may take to land")
def main(wait_s: float) -> None:
    """Refill the trade holes that the ledger names, once."""
    with run_job("heal-gaps"):
        summary = asyncio.run(heal(from_environment(), wait_s=wait_s))
    sys.stdout.write(json.dumps(summary) + "\n")


if __name__ == "__main__":
    main()
