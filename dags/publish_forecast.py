"""Publishes the forecast file of each symbol; the trader reads that of the one it trades.

Minute by minute `ds, side, yhat` with bounds and a manifest, published atomically; the rows also go
to `forecasts` (SQL) and, once it is in use, the first week to Postgres. Started by new models; by
hand it takes the newest of each, or the one named. *check* refuses what is malformed, absurd, worse
than the last price or than the forecast in use: that one stays, and the error has the reason.
"""

from airflow.sdk import dag, task_group

from include.orchestration.assets import FORECAST_MODEL, PUBLISHED_FORECAST
from include.orchestration.mapping import models
from include.orchestration.policies import POLICY, number_param, step, text_param

PARAMS = {
    "model": text_param("id of a model; empty: those that started this run, or the newest"),
    "horizon_minutes": number_param("minutes to forecast; empty: as configured", minimum=1),
}


@step()
def draft(model, params):
    from include.orchestration.tasks import make_draft

    return make_draft(model, horizon_minutes=params["horizon_minutes"])


@step()
def check(forecast_id, run_id):
    from include.orchestration.tasks import check_forecast

    return check_forecast(forecast_id, run_id=run_id)


@step()
def land_rows(forecast_id):
    from include.orchestration.tasks import land_forecast

    return land_forecast(forecast_id)


@step(outlets=[PUBLISHED_FORECAST])
def publish(forecast_id, outlet_events):
    from include.orchestration.tasks import publish_file

    outlet_events[PUBLISHED_FORECAST].extra = publish_file(forecast_id)


@task_group(prefix_group_id=False)
def of_symbol(model):
    forecast_id = draft(model)
    forecast_id >> check(forecast_id) >> land_rows(forecast_id) >> publish(forecast_id)


@dag(**POLICY, schedule=[FORECAST_MODEL], params=PARAMS, doc_md=__doc__)
def publish_forecast():
    of_symbol.expand(model=models())


publish_forecast()
