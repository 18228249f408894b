"""`python -m streaming.feeds.heal_gaps`: refill the trade holes that the ledger names, once.

The last line of its output is a summary in JSON; an error is a line `error: Class: message`.
"""

import asyncio
import json
import sys
import time

import click

from include.bus import Producer
from include.lake.reading import open_table, query
from include.log import start_logging
from include.process import job_errors
from include.settings import Settings, from_environment
from streaming.feeds.fetching import fetching
from streaming.feeds.healing import Healer, Hole
from streaming.feeds.refilling import refills

OPEN = """
SELECT DISTINCT venue, symbol, first_seq, last_seq FROM feed_ledger gap
WHERE entry = 'gap' AND last_seq >= first_seq
  AND (venue IN ('binance', 'deribit') OR (venue = 'gemini' AND cause = 'between_connections'))
  AND NOT EXISTS (SELECT 1 FROM feed_ledger closed WHERE closed.entry = 'healed'
    AND closed.venue = gap.venue AND closed.symbol = gap.symbol
    AND closed.first_seq = gap.first_seq AND closed.last_seq = gap.last_seq)
ORDER BY ALL
"""
IDS = """
SELECT DISTINCT {id} FROM trades WHERE venue = '{venue}' AND symbol = '{symbol}'
  AND {id} BETWEEN {first} AND {last}
"""
ID_OF = {"gemini": "CAST(trade_id AS BIGINT)"}
COUNTED = "seq_first + event_index"


class DeltaLake:
    """The holes and landed ids, by SQL over the Delta tables."""

    def __init__(self, lake: str) -> None:
        """Know where the lake is."""
        self._lake = lake

    def holes(self) -> list[Hole]:
        """The holes that no `healed` row closes; none in a lake without a ledger."""
        if open_table(self._lake, "feed_ledger") is None:
            return []
        return [Hole(*row) for row in query(self._lake, OPEN)[1]]

    def ids(self, hole: Hole) -> set[int]:
        """The ids within a hole that have landed."""
        if open_table(self._lake, "trades") is None:
            return set()
        statement = IDS.format(
            id=ID_OF.get(hole.venue, COUNTED),
            venue=hole.venue,
            symbol=hole.symbol,
            first=hole.first,
            last=hole.last,
        )
        return {int(row[0]) for row in query(self._lake, statement)[1]}


async def heal(settings: Settings, *, wait_s: float) -> dict[str, object]:
    """Heal once; the summary."""
    producer = Producer(settings.bootstrap, client_id="heal-gaps")
    try:
        async with fetching() as fetch:
            healer = Healer(
                lake=DeltaLake(settings.lake),
                refills=refills(settings.venues),
                fetch=fetch,
                publish=producer.publish,
                flush=producer.flush,
                now_us=lambda: time.time_ns() // 1000,
                conn=f"heal-{time.time_ns() // 1000}",
                wait_s=wait_s,
            )
            return await healer.run()
    finally:
        await asyncio.to_thread(producer.close)


@click.command()
@click.option("--wait-s", default=60.0, help="how long a refill may take to land")
def main(wait_s: float) -> None:
    """Refill the trade holes that the ledger names, once."""
    start_logging("heal-gaps")
    with job_errors():
        found = asyncio.run(heal(from_environment(), wait_s=wait_s))
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
