"""Trains a forecast model of each symbol, nightly, when new history has landed, or by hand.

Each symbol is a mapped task: one that fails leaves the others alone. A model is trained on the
minutes of `history_minutes` and the lake's own trades before `as_of` (empty: up to the newest data;
never the wall clock), and saved with the Delta versions it read. `publish_forecast` then starts.
*evaluate* backtests the recipe; the scores go into the run's note and `forecast_evaluations`, as
do those of the short-term forecasts (*evaluate_short_term*), on the newest tickers.
"""

from airflow.sdk import AssetOrTimeSchedule, dag, task_group

from include.orchestration.assets import FORECAST_MODEL, HISTORY_MINUTES
from include.orchestration.mapping import evaluate_short_term, note, symbols
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
    "as_of": text_param("train on minutes before this time (ISO, UTC); empty: up to the newest"),
    "train_days": number_param("days of history to train on, 0: all; empty: configured", minimum=0),
    "symbol": text_param("symbol to forecast; empty: each configured one"),
}


@step(outlets=[FORECAST_MODEL])
def train(symbol, params, outlet_events):
    from include.orchestration.tasks import train_model

    record = train_model(
        symbol=symbol, as_of=parse_time(params["as_of"]), train_days=params["train_days"]
    )
    outlet_events[FORECAST_MODEL].extra = record
    return record["model"]


@step()
def evaluate(model, dag_run):
    from include.orchestration.tasks import evaluate_model

    return evaluate_model(model, run_id=dag_run.run_id)


@task_group(prefix_group_id=False)
def of_symbol(symbol):
    return evaluate(train(symbol))


@dag(**POLICY, schedule=NIGHTLY, params=PARAMS, doc_md=__doc__)
def retrain_forecast():
    note(of_symbol.expand(symbol=symbols()))
    evaluate_short_term()


retrain_forecast()
