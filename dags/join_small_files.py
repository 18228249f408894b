"""Joins the small files of the tables that have many of them, every hour.

Every micro-batch leaves a small file per table; queries slow down with their number. A table with
at most `TICKHOUSE_STREAM_SMALL_FILES` is left alone, and without any other no Spark is started.
The stream goes on beside it. `compact_lake` also removes the replaced files, at night.
"""

from airflow.sdk import dag

from include.orchestration.policies import POLICY, cron_timetable, step

HOURLY = cron_timetable("50 * * * *")


@step()
def join():
    from include.orchestration.subprocesses import run_module

    return run_module("spark_jobs.compact_tables", "--crowded")


@dag(**POLICY, schedule=HOURLY, doc_md=__doc__)
def join_small_files():
    join()


join_small_files()
