"""`python -m streaming.feeds.heal_gaps`: refill the trade holes that the ledger names, once.

The last line of its output is a summary in JSON; an error is a line `error: Class: message`.
"""

import asyncio
import json
import sys

import click

from include.bus import Producer
from include.clock import now_us
from include.lake.file_selection import files_not_in, list_files, uris
from include.lake.reading import connect, open_table, query
from include.market.venues import (
    BETWEEN_CONNECTIONS,
    DROPPED_TRADES,
    VENUES,
    HealedByRest,
    TradeNumbers,
)
from include.process import run_job
from include.settings import Settings, from_environment
from streaming.feeds.fetch import open_fetch
from streaming.feeds.healer import Healer, Hole
from streaming.feeds.registry import refills

OPEN_HOLES = """
SELECT DISTINCT venue, symbol, first_seq, last_seq FROM feed_ledger gap
WHERE last_seq >= first_seq
  AND (entry = 'gap' AND {healable} OR entry = 'dropped' AND {droppable})
  AND NOT EXISTS (SELECT 1 FROM feed_ledger closed WHERE closed.entry = 'healed'
    AND closed.venue = gap.venue AND closed.symbol = gap.symbol
    AND closed.first_seq = gap.first_seq AND closed.last_seq = gap.last_seq)
ORDER BY ALL
"""
LANDED_NUMBERS = """
SELECT DISTINCT {number} FROM trades WHERE venue = '{venue}' AND symbol = '{symbol}'
  AND {number} BETWEEN {first} AND {last}
"""
NUMBER_OF_TRADE = {
    TradeNumbers.SEQUENCE: "seq_first + event_index",
    TradeNumbers.TRADE_ID: "CAST(trade_id AS BIGINT)",
}


class DeltaLake:
    """The holes and landed trades, by SQL over the Delta tables."""

    def __init__(self, lake: str) -> None:
        self._lake = lake
        self._landed: dict[Hole, tuple[frozenset[str], set[int]]] = {}  # files read, their numbers

    def open_holes(self) -> list[Hole]:
        """The holes that no `healed` row closes; none in a lake without a ledger."""
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
        new_files = uris(files_not_in(files, counted_files))
        statement = LANDED_NUMBERS.format(
            number=NUMBER_OF_TRADE[VENUES[hole.venue].trades],
            venue=hole.venue,
            symbol=hole.symbol,
            first=hole.first,
            last=hole.last,
        )
        connection = connect(self._lake, ["trades"], choose_files=lambda *_: new_files)
        try:
            new_numbers = {int(number) for (number,) in connection.execute(statement).fetchall()}
        finally:
            connection.close()
        self._landed[hole] = frozenset(uris(files)), numbers | new_numbers
        return numbers | new_numbers


def open_holes_sql() -> str:
    """SQL for the holes of trades that some venue's REST can fill and none has filled yet."""
    by_rest = {
        HealedByRest.ALWAYS: "venue = '{}'",
        HealedByRest.BETWEEN_CONNECTIONS: f"(venue = '{{}}' AND cause = '{BETWEEN_CONNECTIONS}')",
        HealedByRest.NEVER: "FALSE",
    }
    healable = [by_rest[venue.healed_by_rest].format(name) for name, venue in VENUES.items()]
    refillable = [
        f"venue = '{name}'" for name, venue in VENUES.items() if venue.heals(DROPPED_TRADES)
    ]
    return OPEN_HOLES.format(
        healable=f"({' OR '.join(healable)})",
        droppable=f"cause = '{DROPPED_TRADES}' AND ({' OR '.join(refillable)})",
    )


async def heal(settings: Settings, *, wait_s: float) -> dict[str, object]:
    """Heal once; the summary."""
    producer = Producer(settings.bootstrap, client_id="heal-gaps")
    try:
        async with open_fetch() as fetch:
            healer = Healer(
                lake=DeltaLake(settings.lake),
                refills=refills(settings.venues),
                fetch=fetch,
                publish=producer.publish,
                flush=producer.flush,
                now_us=now_us,
                conn=f"heal-{now_us()}",
                wait_s=wait_s,
            )
            return await healer.run()
    finally:
        await asyncio.to_thread(producer.close)


@click.command()
@click.option("--wait-s", default=60.0, help="how long a refill may take to land")
def main(wait_s: float) -> None:
    """Refill the trade holes that the ledger names, once."""
    with run_job("heal-gaps"):
        summary = asyncio.run(heal(from_environment(), wait_s=wait_s))
    sys.stdout.write(json.dumps(summary) + "\n")


if __name__ == "__main__":
    main()
