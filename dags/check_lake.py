"""Checks what the stream landed in the last hours, every hour.

Four suites: no offset twice; prices within a band of the price suppliers; every minute complete,
quiet or explained by the feed ledger; every table fresh. Results go to `quality_results` and to
the page `var/WORLD/quality/RUN.md`. A failed run names the first failed rows in its first line;
what could not be checked has not passed.
"""

from airflow.sdk import dag

from include.orchestration.policies import POLICY, cron_timetable, step

HOURLY = cron_timetable("20 * * * *")


@step()
def check(run_id):
    from include.orchestration.tasks import check_streamed_tables

    return check_streamed_tables(run_id=run_id)


@dag(**POLICY, schedule=HOURLY, doc_md=__doc__)
def check_lake():
    check()


check_lake()
