"""Retrains the forecast model each night, when new history has landed, or by hand.

The model is trained on the minutes of `history_minutes` and the lake's own trades before `as_of`
(empty: up to the newest data; never the wall clock). It is saved with the Delta versions it read
and its errors over a held-out day beside those of "the last price stays". Trained again on the
same minutes it is the same model. When it succeeds, `publish_forecast` starts by itself.

*evaluate* then backtests the recipe over the days before and puts the scores, beside those of two
naive forecasts, into this run's note, `forecast_evaluations` and `var/WORLD/quality/RUN.md`.
"""

from airflow.sdk import AssetOrTimeSchedule, dag

from include.orchestration.assets import FORECAST_MODEL, HISTORY_MINUTES
from include.orchestration.policies import (
    POLICY,
    cron_timetable,
    number_param,
    parse_time,
    step,
    text_param,
)

NIGHTLY = AssetOrTimeSchedule(timetable=cron_timetable("15 0 * * *"), assets=[HISTORY_MINUTES])
PARAMS = {
    "as_of": text_param(
        "train on minutes before this time (ISO, UTC); empty: up to the newest data"
    ),
    "train_days": number_param("days of history to train on, 0: all; empty: configured", minimum=0),
    "symbol": text_param("symbol to forecast; empty: the configured one"),
}


@step(outlets=[FORECAST_MODEL])
def train(params, outlet_events):
    from include.orchestration.tasks import train_model

    record = train_model(
        symbol=params["symbol"], as_of=parse_time(params["as_of"]), train_days=params["train_days"]
    )
    outlet_events[FORECAST_MODEL].extra = record
    return record["model"]


@step()
def evaluate(model, dag_run):
    from include.orchestration.tasks import evaluate_model

    return evaluate_model(model, dag=dag_run.dag_id, run_id=dag_run.run_id)


@dag(**POLICY, schedule=NIGHTLY, params=PARAMS, doc_md=__doc__)
def retrain_forecast():
    evaluate(train())


retrain_forecast()
