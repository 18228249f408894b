"""`python -m bench.endurance_jobs NAME`: jobs of Tickhouse by the market clock of a benchmark.

Each does what the process or the DAG's task does, with the shared clock's time for the wall's.
"""

import os
from collections.abc import Callable
from datetime import datetime
from functools import partial
from pathlib import Path

import click

from bench.market_clock import shared_now
from include.clock import now_us
from include.market.time import DAY_S
from include.process import run_job, run_process
from include.settings import Settings, from_environment

COMMITS_A_CHECKPOINT = 20


def follow_market() -> None:
    """The stream, until SIGTERM: a day of some hundred commits has log checkpoints too."""
    from spark_jobs import log_checkpoints, stream_market

    log_checkpoints.COMMITS_A_CHECKPOINT = COMMITS_A_CHECKPOINT
    stream_market.main()


def follow_minutes() -> None:
    """Keep trade_minutes, until SIGTERM."""
    from streaming.minutes import run

    run_process("minutes", lambda settings, stop: run(settings, stop, now=_clock(settings)))


def check_tables(settings: Settings) -> None:
    """The hourly check of the streamed tables."""
    from include.quality.lake_gate import check_lake
    from include.quality.results import QualityRun

    now, run_id = _clock(settings)(), f"endurance-{now_us()}"
    check_lake(QualityRun(settings.lake, run_id, now, settings.pages), settings.quality)


def forecast_soon(settings: Settings) -> None:
    """The next ten minutes of every symbol."""
    from include.forecast import short_term

    short_term.forecast_soon(settings, now=_clock(settings)())


def train(settings: Settings) -> None:
    """Train a model, draft its forecast, check and publish it."""
    from include.forecast import draft_forecast, drafts, publishing, training
    from include.quality import gate

    now = _clock(settings)()
    rules = settings.forecast
    record = training.train(
        settings, symbol=rules.symbol, as_of=None, train_days=rules.train_days, now=now
    )
    manifest = draft_forecast.draft(
        settings, name=record.model, now=now, horizon_minutes=rules.horizon_minutes
    )
    draft_df = drafts.load_draft(settings, manifest.forecast_id)
    run_id, pages = f"endurance-{now_us()}", settings.pages
    gate.check_forecast(draft_df, settings.lake, run_id=run_id, now=now, pages=pages)
    publishing.land_rows(settings, manifest.forecast_id)
    publishing.publish_draft(settings, manifest.forecast_id, published_at=now)


def prune(settings: Settings) -> None:
    """Delete what Postgres no longer serves."""
    from include.orchestration.tasks import prune_served

    prune_served()


def compact(settings: Settings, *, day_s: float) -> None:
    """Compact and clean every table; a day of the market is `day_s` seconds of the files' times."""
    from spark_jobs import compact_tables
    from spark_jobs.session import open_session

    share = day_s / DAY_S
    age_logs(Path(settings.lake), DAY_S - day_s)
    unchecked = {"spark.databricks.delta.retentionDurationCheck.enabled": "false"}
    spark = open_session(settings, "compact_tables", options=unchecked)
    try:
        compact_tables.compact(spark, settings, keep_hours=settings.stream.keep_hours * share)
    finally:
        spark.stop()


def join(settings: Settings) -> None:
    """Join the files of crowded tables, as every hour."""
    from include.lake.tables import TABLES
    from spark_jobs import compact_tables
    from spark_jobs.session import open_session

    if not (names := compact_tables.find_crowded_tables(settings, TABLES)):
        return
    spark = open_session(settings, "compact_tables")
    try:
        compact_tables.compact(spark, settings, names, vacuum=False)
    finally:
        spark.stop()


def scale_files(volume: float) -> None:
    """Let files stay as they are that are `volume` times as large as in production.

    It is a day's messages divided by those of a real day.
    """
    from spark_jobs import compact_tables

    compact_tables.JOINED_BYTES = int(compact_tables.JOINED_BYTES * volume)


def age_logs(lake: Path, seconds: float) -> None:
    """Make every file of the tables' logs older, as Delta removes them by their age in days."""
    for file in lake.glob("*/_delta_log/*"):
        if file.is_file():
            at = file.stat().st_mtime - seconds
            os.utime(file, (at, at))


FOLLOWERS = {"stream": follow_market, "minutes": follow_minutes}
JOBS: dict[str, Callable[[Settings], None]] = {
    "check": check_tables,
    "forecast": forecast_soon,
    "train": train,
    "prune": prune,
    "join": join,
}


@click.command()
@click.option("--day-s", type=float, default=DAY_S, help="seconds that a day of the market takes")
@click.option("--volume", type=float, default=1.0, help="messages of a day, of a real one's")
@click.argument("name", type=click.Choice([*FOLLOWERS, "compact", *JOBS]))
def main(name: str, *, day_s: float, volume: float) -> None:
    """Do the job NAME at the market's time."""
    if name in FOLLOWERS:
        FOLLOWERS[name]()
        return
    with run_job(name):
        settings = from_environment()
        scale_files(volume)
        if name == "compact":
            compact(settings, day_s=day_s)
        else:
            JOBS[name](settings)


def _clock(settings: Settings) -> Callable[[], datetime]:
    return partial(shared_now, settings.home)


if __name__ == "__main__":
    main()
