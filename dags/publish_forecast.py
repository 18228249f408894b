"""Publishes the forecast file that the trader reads.

Minute by minute `ds, side, yhat` with its bounds, a manifest beside it, published atomically:
a reader sees the old one or the new one, whole. Its rows also go to `forecasts` (SQL) and, the
first week, to Postgres. Started by a new model; by hand it takes the newest model, or the one
named. *check* refuses what is malformed, implausible, or worse on recent windows than the forecast
in use; then that one stays in use, and the reason is in `quality_results` and the first line of
the error.
"""

from airflow.sdk import dag

from include.orchestration.assets import FORECAST_MODEL, PUBLISHED_FORECAST
from include.orchestration.policies import POLICY, newest_extra, number_param, step, text_param

PARAMS = {
    "model": text_param("id of a model; empty: the one that started this run, or the newest"),
    "horizon_minutes": number_param("minutes to forecast; empty: as configured", minimum=1),
}


@step()
def draft(params, triggering_asset_events):
    from include.orchestration.tasks import make_draft

    new_model = newest_extra(triggering_asset_events, FORECAST_MODEL).get("model")
    return make_draft(params["model"] or new_model, horizon_minutes=params["horizon_minutes"])


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


@dag(**POLICY, schedule=[FORECAST_MODEL], params=PARAMS, doc_md=__doc__)
def publish_forecast():
    forecast_id = draft()
    forecast_id >> check(forecast_id) >> land_rows(forecast_id) >> publish(forecast_id)


publish_forecast()
