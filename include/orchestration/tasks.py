"""What the tasks of the DAGs do, in the order of the DAGs, with this process's settings and clock.

Heavy imports happen inside the functions, so that a DAG file loads quickly.
"""

import logging
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from include.errors import ForecastError, GateFailed, HistoryError
from include.log import event
from include.market.time import EPOCH, MINUTE
from include.orchestration.notes import note_at
from include.orchestration.subprocesses import run_module
from include.settings import from_environment
from include.settings.groups import DatabaseRole

LOADER = "spark_jobs.load_history"
RESTATED_SPAN = timedelta(days=2)
log = logging.getLogger("tickhouse.orchestration")
# Prophet logs an error when plotly is absent, which is not used here: in a task's log that line
# would come before the reason of a failure.
logging.getLogger("prophet.plot").setLevel(logging.CRITICAL)


def stage_file(
    *,
    source: str | None,
    symbol: str | None,
    start_at: datetime | None = None,
    end_at: datetime | None,
    run_id: str,
) -> str:
    """Read an archive into the staging table; give its symbol."""
    history_symbol = symbol or from_environment().forecast.symbol
    since_text, until_text = (time.isoformat() if time else "" for time in (start_at, end_at))
    run_module(
        LOADER,
        "stage",
        "--source",
        source or "",
        "--symbol",
        history_symbol,
        "--run-id",
        run_id,
        "--since",
        since_text,
        "--until",
        until_text,
    )
    return history_symbol


def check_history(*, end_at: datetime | None = None, run_id: str) -> int:
    """Check the staged rows; give their number."""
    from include.quality import gate

    settings, now = from_environment(), datetime.now(UTC)
    oldest_age = timedelta(hours=settings.quality.archive_hours)
    return gate.check_history(
        settings.lake,
        run_id=run_id,
        now=now,
        pages=settings.pages,
        fresh_from_at=min(end_at or now, now) - oldest_age if oldest_age else EPOCH,
    )


def land_staged(*, run_id: str) -> int:
    """Merge the staged rows into `history_minutes`; give their number."""
    return int(run_module(LOADER, "land", "--run-id", run_id))


def forecast_symbols(symbol: str | None) -> list[str]:
    """The symbols to train: this one, or every configured one."""
    return [symbol] if symbol else list(from_environment().forecast.all_symbols)


def train_model(
    *, symbol: str | None, as_of: datetime | None, train_days: int | None
) -> dict[str, Any]:
    """Train and save a model; give its record."""
    from include.forecast import training

    settings = from_environment()
    days = settings.forecast.train_days if train_days is None else train_days
    record = training.train(
        settings,
        symbol=symbol or settings.forecast.symbol,
        as_of=as_of,
        train_days=days,
        now=datetime.now(UTC),
    )
    return _to_builtins(record)


def models_to_publish(name: str | None, trained: list[str]) -> list[str]:
    """The models to draft: the named one, those that were trained, else each symbol's newest.

    Raises:
        ForecastError: no configured symbol has a model.
    """
    from include.forecast import training

    if name or trained:
        return [name] if name else list(dict.fromkeys(trained))
    settings = from_environment()
    newest: dict[str, str] = {}
    for record in training.list_models(settings):
        newest.setdefault(record.symbol, record.model)
    symbols = settings.forecast.all_symbols
    newest_models = [newest[symbol] for symbol in symbols if symbol in newest]
    if not newest_models:
        raise ForecastError(
            f"there is no model of {', '.join(symbols)}: run retrain_forecast first"
        )
    return newest_models


def make_draft(name: str, *, horizon_minutes: int | None) -> str:
    """Draft the forecast of a model; give its id."""
    from include.forecast import draft_forecast

    settings = from_environment()
    manifest = draft_forecast.draft(
        settings,
        name=name,
        now=datetime.now(UTC),
        horizon_minutes=horizon_minutes or settings.forecast.horizon_minutes,
    )
    return manifest.forecast_id


def check_forecast(forecast_id: str, *, run_id: str) -> int:
    """Check a draft, then compare it with the forecast in use; give the number of its rows."""
    from include.forecast import drafts, promotion
    from include.quality import gate
    from include.quality.results import QualityRun

    settings, now = from_environment(), datetime.now(UTC)
    pages, lake = settings.pages, settings.lake
    drafts.read_content(settings, forecast_id)
    draft_df = drafts.load_draft(settings, forecast_id)
    row_count = gate.check_forecast(draft_df, lake, run_id=run_id, now=now, pages=pages)
    QualityRun(lake, run_id, now, pages).record(
        promotion.SUITE, promotion.check_promotion(settings, forecast_id)
    )
    return row_count


def land_forecast(forecast_id: str) -> int:
    """Write a draft's rows to Delta; give their number."""
    from include.forecast import publishing

    return publishing.land_rows(from_environment(), forecast_id)


def publish_file(forecast_id: str) -> dict[str, Any]:
    """Publish a draft and serve it; give the manifest that is now current.

    Without Postgres it is published all the same: the minutes process serves it later.
    """
    from include.forecast import anchors, publishing

    settings, now = from_environment(), datetime.now(UTC)
    manifest = publishing.publish_draft(settings, forecast_id, published_at=now)
    anchors.serve_if_reachable(settings, manifest.symbol, now=now)
    return _to_builtins(manifest)


def _to_builtins(struct: msgspec.Struct) -> dict[str, Any]:
    """A record as JSON values, for the asset event."""
    return dict(msgspec.to_builtins(struct))


def evaluate_model(name: str, *, run_id: str) -> str:
    """Backtest a saved model's recipe; write and plot the scores; give them as a note's text."""
    from include.forecast import evaluation_report, training

    settings = from_environment()
    model_record = training.record_of(settings, name)
    subject = evaluation_report.Subject(
        model_record.symbol,
        model_record.as_of,
        model_record.trained_until - model_record.trained_from + MINUTE,
        model_record.recipe,
    )
    symbol = model_record.symbol
    evaluation = evaluation_report.evaluate(
        settings,
        subject,
        run_id=run_id if symbol == settings.forecast.symbol else f"{run_id}__{symbol}",
        now=datetime.now(UTC),
    )
    log.info("%s", evaluation_report.as_table(evaluation))
    return f"**{symbol}**\n\n{evaluation_report.as_note(evaluation)}"


def evaluate_short_forecasts(*, run_id: str) -> dict[str, str]:
    """Backtest the short-term forecasts of every symbol with tickers; a sentence for each."""
    from airflow.sdk.exceptions import AirflowSkipException

    from include.forecast import evaluation_report
    from include.lake.tickers import newest_seconds

    settings, now = from_environment(), datetime.now(UTC)
    seconds_df = newest_seconds(settings.lake, seconds=settings.forecast.short_seconds)
    sentences: dict[str, str] = {}
    for symbol in sorted(set(seconds_df["symbol"])):
        try:
            evaluation = evaluation_report.evaluate_short_term(
                settings, symbol=symbol, run_id=f"{run_id}__short__{symbol}", now=now
            )
            sentences[symbol] = evaluation_report.describe_best(evaluation)
        except HistoryError as error:
            sentences[symbol] = f"left out: {error}"
        log.info("%s: %s", symbol, sentences[symbol])
    if not sentences:
        raise AirflowSkipException("no ticker has landed")
    return sentences


def note_evaluations(texts: list[str], *, dag: str, run_id: str) -> str:
    """Set the evaluations of a run's symbols as its note; give the note's text."""
    text = "\n\n".join(texts)
    note_at(from_environment(), dag=dag, run_id=run_id, text=text)
    return text


def check_streamed_tables(*, run_id: str) -> int:
    """Check the streamed tables; give the number of rows checked.

    What fails in a world's first minutes, when some tables have no row yet, is skipped.
    """
    from airflow.sdk.exceptions import AirflowSkipException

    from include.quality import lake_gate
    from include.quality.results import QualityRun

    settings, now = from_environment(), datetime.now(UTC)
    quality_run = QualityRun(settings.lake, run_id, now, settings.pages)
    try:
        return lake_gate.check_lake(quality_run, settings.quality)
    except GateFailed as error:
        if lake_gate.is_new(settings.lake, now=now):
            raise AirflowSkipException(f"the first messages have just landed: {error}") from error
        raise


def prune_served() -> dict[str, int]:
    """Delete old rows of what Postgres serves; gives their number by table."""
    from include.serving.retention import prune

    settings = from_environment()
    return prune(settings.dsn(DatabaseRole.STREAM), keep_days=settings.stream.served_days)


def clean_airflow_tables() -> str:
    """Delete old runs from Airflow's own tables; give the command's last line."""
    from include.orchestration import cleaning

    settings = from_environment()
    before_at = cleaning.days_ago(settings.airflow.keep_days, now=datetime.now(UTC))
    return cleaning.clean_airflow(settings, before_at=before_at)


def remove_old_files() -> dict[str, int]:
    """Delete old task logs, old quality pages and files that repairs moved; give their numbers."""
    from include.orchestration import cleaning

    return cleaning.remove_all_old_files(from_environment(), now=datetime.now(UTC))


def forecast_next_minutes() -> dict[str, int]:
    """Forecast every symbol; give the number of rows by symbol. Skips while there is no ticker."""
    from airflow.sdk.exceptions import AirflowSkipException

    from include.forecast.short_term import forecast_soon

    short_run = forecast_soon(from_environment(), now=datetime.now(UTC))
    if short_run is None:
        raise AirflowSkipException("no ticker has landed yet")
    for symbol, reason in short_run.left_out.items():
        log.warning(event("symbol left out", symbol=symbol, reason=reason))
    return {symbol: len(rows) for symbol, rows in short_run.rows_by_symbol.items()}


def restate_span(*, start_at: datetime | None, end_at: datetime | None) -> int:
    """Compute the minutes from `start_at` to before `end_at` again; give their number.

    Raises:
        HistoryError: the span is empty.
    """
    end = end_at or datetime.now(UTC)
    start = start_at or end - RESTATED_SPAN
    if start >= end:
        raise HistoryError(f"no minute lies between {start.isoformat()} and {end.isoformat()}")
    return int(run_module("streaming.minutes", start.isoformat(), end.isoformat()))
