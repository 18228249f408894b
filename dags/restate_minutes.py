"""Computes `trade_minutes` again from the landed trades, in Delta and in Postgres.

The minutes process keeps up with trades as they land, late ones too. This DAG is for what it
does not see: later entries of the feed ledger (`complete`), a table restored to an older version.
Minutes that are right stay as they are.
"""

from airflow.sdk import dag

from include.orchestration.policies import POLICY, cron_timetable, parse_time, step, text_param

PARAMS = {
    "first": text_param("first minute (ISO, UTC); empty: two days before the end"),
    "until": text_param("minutes before this time (ISO, UTC); empty: up to now"),
}
NIGHTLY = cron_timetable("40 0 * * *")


@step()
def restate(params):
    from include.orchestration.tasks import restate_span

    return restate_span(start_at=parse_time(params["first"]), end_at=parse_time(params["until"]))


@dag(**POLICY, schedule=NIGHTLY, params=PARAMS, doc_md=__doc__)
def restate_minutes():
    restate()


restate_minutes()
