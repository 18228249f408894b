"""Evaluates a forecast, writes the scores to `forecast_evaluations`, and reports them as a page."""

from dataclasses import asdict
from datetime import UTC, datetime, timedelta

from include.atomic_files import write_file
from include.forecast.evaluation import HORIZONS, OURS, Evaluation, Plan, backtest
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
    """Backtest the recipe "trained on `span` of minutes" (zero: all) and write the scores.

    The scores of an earlier evaluation of the same run are replaced.

    Raises:
        HistoryError: there are too few minutes.
    """
    rules = settings.forecast
    plan = Plan(rules.evaluate_origins, rules.evaluate_every_minutes, span)
    days = plan.minutes // DAY_MINUTES + 1 if span else 0
    history = training_minutes(
        settings.lake, symbol=symbol, as_of=as_of, train_days=days, min_minutes=1
    )
    evaluation = backtest(history.prices_df, plan)
    run_columns = {
        "run_id": run_id,
        "symbol": symbol,
        "origins": evaluation.origins,
        "evaluated_at": now,
        "train_minutes": int(span / timedelta(minutes=1)),
        "evaluated_until": history.trained_until,
    }
    rows = [_row(score) | run_columns for score in evaluation.scores]
    replace_rows(
        settings.lake, FORECAST_EVALUATIONS, arrow_rows(FORECAST_EVALUATIONS, rows), run_id=run_id
    )
    page = page_of(settings.home / "quality", run_id)
    put_page(page, _page(evaluation, symbol=symbol, until=history.trained_until, picture=page.stem))
    write_file(page.with_suffix(".png"), evaluation_picture(evaluation, symbol=symbol))
    return evaluation


def as_table(evaluation: Evaluation) -> str:
    """The scores as a Markdown table, after a sentence with the best forecasters."""
    lines = [verdict(evaluation), "", f"| {' | '.join(HEADS)} |", "|" + "---|" * len(HEADS)]
    for score in evaluation.scores:
        cells = (
            score.forecaster,
            str(score.horizon),
            f"{score.mae:.5g}",
            f"{score.rmse:.5g}",
            f"{score.mape:.3%}",
            _share(score.hit_rate),
            _share(score.coverage),
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def as_note(evaluation: Evaluation) -> str:
    """The errors alone as a Markdown table, a row a horizon: short enough for an Airflow note."""
    names = list(dict.fromkeys(score.forecaster for score in evaluation.scores))
    heads = ("minutes ahead", *names, "side right", "in interval")
    lines = [verdict(evaluation), "", f"| {' | '.join(heads)} |", "|" + "---|" * len(heads)]
    for horizon in HORIZONS:
        score_of = {
            score.forecaster: score for score in evaluation.scores if score.horizon == horizon
        }
        if score_of:
            our_shares = (_share(score_of[OURS].hit_rate), _share(score_of[OURS].coverage))
            errors = (f"{score_of[name].mae:.5g}" for name in names)
            lines.append(f"| {' | '.join((str(horizon), *errors, *our_shares))} |")
    return "\n".join([*lines, "", f"Mean absolute errors in price; the last columns are {OURS}'s."])


def verdict(evaluation: Evaluation) -> str:
    """Which forecaster has the smallest mean absolute error at each horizon, in one sentence."""
    winners = []
    for horizon in HORIZONS:
        scores = [score for score in evaluation.scores if score.horizon == horizon]
        if scores:
            best = min(scores, key=lambda score: score.mae)
            winners.append(f"{best.forecaster} up to {horizon} minutes ahead")
    return f"Smallest error over {evaluation.origins} origins: {'; '.join(winners)}."


def _row(score: ForecastScore) -> dict[str, object]:
    row = asdict(score)
    row["horizon_minutes"] = row.pop("horizon")
    return row


def _share(share: float | None) -> str:
    return "" if share is None else f"{share:.1%}"


def _page(evaluation: Evaluation, *, symbol: str, until: datetime, picture: str) -> str:
    return (
        f"# Evaluation of the forecast of {symbol}\n\n"
        f"Rolling-origin backtests up to {until.astimezone(UTC):%Y-%m-%d %H:%M} UTC; errors are in "
        "price. A row is about the minutes from the horizon above it up to its own.\n\n"
        f"{as_table(evaluation)}\n\n![error by minutes ahead]({picture}.png)\n"
    )
