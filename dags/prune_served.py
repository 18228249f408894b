"""Deletes old rows of minutes, signals, contracts, auctions and decisions from Postgres each night.

Postgres keeps `TICKHOUSE_STREAM_SERVED_DAYS` back from the newest row of each table; a decision
goes with its orders, fills and scores. Delta keeps all. Repeating it changes nothing.
"""

from airflow.sdk import dag

from include.orchestration.policies import POLICY, cron_timetable, step

NIGHTLY = cron_timetable("10 4 * * *")


@step()
def prune():
    from include.orchestration.tasks import prune_served

    return prune_served()


@dag(**POLICY, schedule=NIGHTLY, doc_md=__doc__)
def prune_served():
    prune()


prune_served()
