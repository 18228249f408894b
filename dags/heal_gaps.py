"""Refills holes in the trades, every quarter of an hour or by hand.

The feed ledger names what each feed missed (dropped connections, kills, rejected frames). Trades
in between are requested by REST, read by the stream's own decoder and sent to the same topic. A
hole closes with a `healed` row of `feed_ledger` only when its ids have landed; what a venue no
longer serves stays open, and is logged. Doing it twice changes nothing.
"""

from airflow.sdk import dag

from include.orchestration.policies import POLICY, cron_timetable, step

QUARTERLY = cron_timetable("*/15 * * * *")


@step()
def refill_holes():
    from include.orchestration.subprocesses import run_module

    return run_module("streaming.feeds.heal_gaps")


@dag(**POLICY, schedule=QUARTERLY, doc_md=__doc__)
def heal_gaps():
    refill_holes()


heal_gaps()
