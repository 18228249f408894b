"""An evaluation made, written to `forecast_evaluations`, and told as a page with a picture."""

from dataclasses import asdict
from datetime import UTC, datetime, timedelta

from include.atomic_files import write_file
from include.forecast.evaluation import HORIZONS, OURS, Evaluation, Plan, evaluated
from include.forecast.history import training_minutes
from include.forecast.plots import evaluation_picture
from include.forecast.scores import ForecastScore
from include.lake.tables import FORECAST_EVALUATIONS
from include.lake.writing import arrow_rows, replace_rows
from include.quality.page import page_of, put_page
from include.settings import Settings

DAY_MINUTES = 1440
HEADS = ("forecaster", "minutes ahead", "error", "rms", "relative", "side right", "in interval")


def evaluate(
    settings: Settings,
    *,
    symbol: str,
    as_of: datetime | None,
    span: timedelta,
    run_id: str,
    now: datetime,
) -> Evaluation:
    """Backtest the recipe "trained on `span` of minutes" (zero: all) and keep the figures.

    The figures of an earlier evaluation of the same run are replaced.

    Raises:
        HistoryError: there are too few minutes.
    """
    rules = settings.forecast
    plan = Plan(rules.evaluate_origins, rules.evaluate_every_minutes, span)
    days = plan.minutes // DAY_MINUTES + 1 if span else 0
    minutes = training_minutes(settings.lake, symbol=symbol, as_of=as_of, train_days=days, least=1)
    found = evaluated(minutes.frame, plan)
    about = {
        "run_id": run_id,
        "symbol": symbol,
        "origins": found.origins,
        "evaluated_at": now,
        "train_minutes": int(span / timedelta(minutes=1)),
        "evaluated_until": minutes.trained_until,
    }
    rows = [_row(score) | about for score in found.scores]
    replace_rows(
        settings.lake, FORECAST_EVALUATIONS, arrow_rows(FORECAST_EVALUATIONS, rows), run_id=run_id
    )
    page = page_of(settings.home / "quality", run_id)
    put_page(page, _page(found, symbol=symbol, until=minutes.trained_until, picture=page.stem))
    write_file(page.with_suffix(".png"), evaluation_picture(found, symbol=symbol))
    return found


def as_table(found: Evaluation) -> str:
    """The figures as a Markdown table, after a sentence that says who wins."""
    lines = [verdict(found), "", f"| {' | '.join(HEADS)} |", "|" + "---|" * len(HEADS)]
    for one in found.scores:
        cells = (
            one.forecaster,
            str(one.horizon),
            f"{one.mae:.5g}",
            f"{one.rmse:.5g}",
            f"{one.mape:.3%}",
            _share(one.hit_rate),
            _share(one.coverage),
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def as_note(found: Evaluation) -> str:
    """The errors alone as a Markdown table, a row for each horizon: it fits a note of Airflow's."""
    names = list(dict.fromkeys(one.forecaster for one in found.scores))
    heads = ("minutes ahead", *names, "side right", "in interval")
    lines = [verdict(found), "", f"| {' | '.join(heads)} |", "|" + "---|" * len(heads)]
    for horizon in HORIZONS:
        at = {one.forecaster: one for one in found.scores if one.horizon == horizon}
        if at:
            own = (_share(at[OURS].hit_rate), _share(at[OURS].coverage))
            errors = (f"{at[name].mae:.5g}" for name in names)
            lines.append(f"| {' | '.join((str(horizon), *errors, *own))} |")
    return "\n".join([*lines, "", f"Mean absolute errors in price; the last columns are {OURS}'s."])


def verdict(found: Evaluation) -> str:
    """Which forecaster has the smallest mean absolute error at each horizon, in one sentence."""
    winners = []
    for horizon in HORIZONS:
        at = [one for one in found.scores if one.horizon == horizon]
        if at:
            best = min(at, key=lambda one: one.mae)
            winners.append(f"{best.forecaster} up to {horizon} minutes ahead")
    return f"Smallest error over {found.origins} origins: {'; '.join(winners)}."


def _row(score: ForecastScore) -> dict[str, object]:
    told = asdict(score)
    told["horizon_minutes"] = told.pop("horizon")
    return told


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.1%}"


def _page(found: Evaluation, *, symbol: str, until: datetime, picture: str) -> str:
    return (
        f"# Evaluation of the forecast of {symbol}\n\n"
        f"Rolling-origin backtests up to {until.astimezone(UTC):%Y-%m-%d %H:%M} UTC; errors are in "
        "price. A row is about the minutes from the horizon above it up to its own.\n\n"
        f"{as_table(found)}\n\n![error by minutes ahead]({picture}.png)\n"
    )
