"""The steps around the mapped ones of the forecast DAGs: what is mapped over, and what is noted."""

from include.orchestration.assets import FORECAST_MODEL
from include.orchestration.policies import newest_by, step


@step()
def symbols(params):  # type: ignore[no-untyped-def]
    """The symbols to train: the given one, else every configured one."""
    from include.orchestration.tasks import forecast_symbols

    return forecast_symbols(params["symbol"])


@step()
def models(params, triggering_asset_events):  # type: ignore[no-untyped-def]
    """The models to publish: the given one, else those that started the run, else the newest."""
    from include.orchestration.tasks import models_to_publish

    trained = newest_by(triggering_asset_events, FORECAST_MODEL, key="symbol", value="model")
    return models_to_publish(params["model"], trained)


@step(trigger_rule="all_done")
def note(evaluations, dag_run):  # type: ignore[no-untyped-def]
    """The evaluations of all symbols that were trained, as the run's note."""
    from include.orchestration.tasks import note_evaluations

    # of one symbol Airflow gives the text itself, of several a sequence of them
    texts = [evaluations] if isinstance(evaluations, str) else list(evaluations or ())
    return note_evaluations(texts, dag=dag_run.dag_id, run_id=dag_run.run_id)


@step()
def evaluate_short_term(dag_run):  # type: ignore[no-untyped-def]
    """The scores of the short-term forecasts, a sentence for each symbol with tickers."""
    from include.orchestration.tasks import evaluate_short_forecasts

    return evaluate_short_forecasts(run_id=dag_run.run_id)
