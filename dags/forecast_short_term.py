"""Forecasts every second of the next ten minutes of every symbol, every five minutes.

From the last hours of tickers, a second a row, up to the newest ticker landed (the market clock).
Rows go to `forecasts` (ids `short-TIME`) and to Postgres, where the dashboard finds them. A symbol
whose tickers are few or old is left out, and the log has the reason; with no ticker at all the run
is skipped. Run again on the same tickers it gives the same rows.
"""

from datetime import timedelta

from airflow.sdk import dag

from include.orchestration.policies import POLICY, cron_timetable, step

OFTEN = cron_timetable("*/5 * * * *")


# later than the next run's start it is of no use
@step(execution_timeout=timedelta(minutes=4))
def forecast_soon():
    from include.orchestration.tasks import forecast_next_minutes

    return forecast_next_minutes()


@dag(**POLICY, schedule=OFTEN, doc_md=__doc__)
def forecast_short_term():
    forecast_soon()


forecast_short_term()
