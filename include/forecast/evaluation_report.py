"""Evaluates a forecast, writes the scores to `forecast_evaluations`, and reports them as a page."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from include.atomic_files import write_file
from include.errors import HistoryError
from include.forecast.evaluation import (
    SHORT_TERM,
    Evaluation,
    Forecaster,
    Plan,
    Terms,
    backtest,
)
from include.forecast.history import PriceChoice, training_minutes
from include.forecast.plots import evaluation_picture
from include.forecast.recipe import Recipe
from include.forecast.scores import ForecastScore
from include.lake.derived_tables import FORECAST_EVALUATIONS
from include.lake.tickers import newest_seconds
from include.lake.writing import arrow_rows, replace_rows
from include.market.time import DAY_MINUTES, MINUTE
from include.quality.page import page_of, put_page
from include.settings import Settings

SHORT_TERM_EVERY_MINUTES = 10
HEADS = (
    "forecaster",
    "minutes ahead",
    "error",
    "rms",
    "relative",
    "to last price",
    "t",
    "side right",
    "in interval",
    "interval score (bps)",
)


@dataclass(frozen=True)
class Subject:
    """What is evaluated: a recipe trained on `span` of a symbol's minutes (zero: all)."""

    symbol: str
    as_of: datetime | None
    span: timedelta
    recipe: Recipe


def evaluate(
    settings: Settings,
    subject: Subject,
    *,
    run_id: str,
    now: datetime,
    rivals: Mapping[str, Forecaster] | None = None,
) -> Evaluation:
    """Backtest a recipe beside simple forecasts, and beside `rivals`; write the scores and a page.

    The scores of an earlier evaluation of the same run are replaced.

    Raises:
        HistoryError: there are too few minutes.
    """
    rules, symbol, span = settings.forecast, subject.symbol, subject.span
    plan = Plan(rules.evaluate_origins, rules.evaluate_every_minutes, span)
    days = plan.minutes // DAY_MINUTES + 1 if span else 0
    history = training_minutes(
        settings.lake,
        symbol=symbol,
        as_of=subject.as_of,
        train_days=days,
        min_minutes=1,
        choice=PriceChoice(settings.venue_order, subject.recipe.target),
    )
    evaluation = backtest(history.prices_df, plan, subject.recipe, rivals=rivals)
    run_columns = {
        "run_id": run_id,
        "symbol": symbol,
        "evaluated_at": now,
        "train_minutes": int(span / MINUTE),
        "evaluated_until": history.trained_until,
    }
    _record(settings, evaluation, run_columns)
    return evaluation


def evaluate_short_term(
    settings: Settings, *, symbol: str, run_id: str, now: datetime
) -> Evaluation:
    """Backtest the short-term forecasts on a symbol's newest tickers; write the scores and a page.

    Raises:
        HistoryError: there are too few seconds with a ticker.
    """
    rules = settings.forecast
    span = timedelta(seconds=rules.short_seconds)
    plan = Plan(rules.evaluate_origins, SHORT_TERM_EVERY_MINUTES, span, SHORT_TERM)
    needed_s = int((plan.reach + span).total_seconds())
    seconds_df = newest_seconds(settings.lake, seconds=needed_s, venues=settings.venue_order)
    prices_df = seconds_df[seconds_df["symbol"] == symbol][["ds", "close"]].reset_index(drop=True)
    if prices_df.empty:
        symbols = ", ".join(sorted(set(seconds_df["symbol"]))) or "any symbol"
        raise HistoryError(f"no ticker of {symbol} has landed lately; there are those of {symbols}")
    evaluation = backtest(prices_df, plan)
    run_columns = {
        "run_id": run_id,
        "symbol": symbol,
        "evaluated_at": now,
        "train_minutes": int(span / MINUTE),
        "evaluated_until": prices_df["ds"].iloc[-1].to_pydatetime().replace(tzinfo=UTC),
    }
    _record(settings, evaluation, run_columns)
    return evaluation


def _record(settings: Settings, evaluation: Evaluation, run_columns: dict[str, Any]) -> None:
    """Write an evaluation's scores, a row each with the run's columns, its page and its picture."""
    run_id, symbol = str(run_columns["run_id"]), str(run_columns["symbol"])
    run_columns = run_columns | {"origins": evaluation.origins}
    rows = [_row(score, evaluation.terms) | run_columns for score in evaluation.scores]
    replace_rows(
        settings.lake, FORECAST_EVALUATIONS, arrow_rows(FORECAST_EVALUATIONS, rows), run_id=run_id
    )
    page, until = page_of(settings.pages, run_id), run_columns["evaluated_until"]
    put_page(page, _render_page(evaluation, symbol=symbol, end_at=until, picture=page.stem))
    write_file(page.with_suffix(".png"), evaluation_picture(evaluation, symbol=symbol))


def as_table(evaluation: Evaluation) -> str:
    """The scores as a Markdown table, after a sentence with the best forecasters."""
    lines = [describe_best(evaluation), "", f"| {' | '.join(HEADS)} |", "|" + "---|" * len(HEADS)]
    for score in evaluation.scores:
        cells = (
            score.forecaster,
            str(evaluation.terms.minutes_of(score.horizon)),
            f"{score.mae:.5g}",
            f"{score.rmse:.5g}",
            f"{score.mape:.3%}",
            f"{score.error_ratio:.4f}",
            _format_number(score.dm_t, "+.1f"),
            _format_number(score.hit_rate, ".1%"),
            _format_number(score.coverage, ".1%"),
            _format_number(score.interval_score, ".1f"),
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def as_note(evaluation: Evaluation) -> str:
    """The errors alone as a Markdown table, a row a horizon: short enough for an Airflow note."""
    names = evaluation.forecasters
    heads = ("minutes ahead", *names, "to last price", "side right", "in interval")
    lines = [describe_best(evaluation), "", f"| {' | '.join(heads)} |", "|" + "---|" * len(heads)]
    for horizon in evaluation.terms.horizons:
        score_of = {
            score.forecaster: score for score in evaluation.scores if score.horizon == horizon
        }
        if score_of:
            our_score = score_of[evaluation.terms.name]
            our_shares = (
                f"{our_score.error_ratio:.4f}",
                _format_number(our_score.hit_rate, ".1%"),
                _format_number(our_score.coverage, ".1%"),
            )
            errors = (f"{score_of[name].mae:.5g}" for name in names)
            minutes = str(evaluation.terms.minutes_of(horizon))
            lines.append(f"| {' | '.join((minutes, *errors, *our_shares))} |")
    return "\n".join(
        [
            *lines,
            "",
            f"Mean absolute errors in price; the last columns are {evaluation.terms.name}'s.",
        ]
    )


def describe_best(evaluation: Evaluation) -> str:
    """Which forecaster has the smallest mean absolute error at each horizon, in one sentence."""
    winners = []
    for horizon in evaluation.terms.horizons:
        scores = [score for score in evaluation.scores if score.horizon == horizon]
        if scores:
            best = min(scores, key=lambda score: score.mae)
            minutes = evaluation.terms.minutes_of(horizon)
            winners.append(f"{best.forecaster} up to {minutes} minutes ahead")
    return f"Smallest error over {evaluation.origins} origins: {'; '.join(winners)}."


def _row(score: ForecastScore, terms: Terms) -> dict[str, object]:
    row = asdict(score)
    row["horizon_minutes"] = terms.minutes_of(row.pop("horizon"))
    return row


def _format_number(number: float | None, form: str) -> str:
    return "" if number is None else format(number, form)


def _render_page(evaluation: Evaluation, *, symbol: str, end_at: datetime, picture: str) -> str:
    return (
        f"# Evaluation of the forecast of {symbol}\n\n"
        f"Rolling-origin backtests up to {end_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC; errors are "
        "in price. A row is about the minutes from the horizon above it up to its own. `to last "
        "price` is the error over that of the last price, `t` its Diebold-Mariano t (positive: "
        "worse than the last price).\n\n"
        f"{as_table(evaluation)}\n\n![error by minutes ahead]({picture}.png)\n"
    )
