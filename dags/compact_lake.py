"""Rewrites the lake's small files into few, ordered ones, and removes files of old versions.

Every micro-batch leaves a small file per table; queries slow down with their number. No row
changes, and the stream goes on beside it. Where `TICKHOUSE_LAKE_KEEP_DAYS_…` lets rows go, an audit
comes first, and what it finds clean is dropped if it is older. Versions within
`TICKHOUSE_STREAM_KEEP_HOURS` stay readable (time travel). The task's log and result count the files
of each table before and after.
"""

from airflow.sdk import dag

from include.orchestration.policies import POLICY, cron_timetable, step, text_param

PARAMS = {"table": text_param("the one table to compact; empty: all")}
NIGHTLY = cron_timetable("30 3 * * *")


@step()
def compact(params):
    from include.orchestration.subprocesses import run_module

    return run_module("spark_jobs.compact_tables", *filter(None, [params["table"]]))


@dag(**POLICY, schedule=NIGHTLY, params=PARAMS, doc_md=__doc__)
def compact_lake():
    compact()


compact_lake()
