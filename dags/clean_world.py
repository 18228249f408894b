"""Removes what would grow for ever, each night: old runs of Airflow, old pages, damaged files.

Runs and task logs older than `TICKHOUSE_AIRFLOW_KEEP_DAYS` (`airflow db clean`), all but the newest
`TICKHOUSE_QUALITY_PAGES` quality pages, and what `doctor --repair` took out of use more than
`TICKHOUSE_SUPERVISOR_DAMAGED_DAYS` ago. Repeating it changes nothing.
"""

from airflow.sdk import dag

from include.orchestration.policies import POLICY, cron_timetable, step

NIGHTLY = cron_timetable("20 4 * * *")


@step()
def clean_tables():
    from include.orchestration.tasks import clean_airflow_tables

    return clean_airflow_tables()


@step()
def remove_files():
    from include.orchestration.tasks import remove_old_files

    return remove_old_files()


@dag(**POLICY, schedule=NIGHTLY, doc_md=__doc__)
def clean_world():
    clean_tables()
    remove_files()


clean_world()
