"""The first steps of the forecast DAGs: what the tasks after them are mapped over."""

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
