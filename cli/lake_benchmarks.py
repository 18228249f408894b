"""The benchmarks that read a lake: audit, reports, the book at an instant, a sweep of settings."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

from cli.benching import bench, benchmark
from cli.console import Steps

if TYPE_CHECKING:
    from bench.measurement import Measurement

__all__ = ["bench"]


@benchmark("audit")
@click.option("--messages", default=10_000_000, show_default=True, help="Messages that landed.")
@click.option(
    "--small-files",
    default=3600,
    show_default=True,
    help="Batches of 1,000 messages among them that are not compacted: those of an hour.",
)
def audit(messages: int, small_files: int) -> "Iterable[Measurement]":
    """Seconds of `./tickhouse audit` over 10 million messages; the target is 30.

    They go through Kafka and the stream first, for ten minutes or more. The peer is the same
    number of distinct offsets counted by DuckDB alone, without a check.
    """
    from bench.audit import measure

    return measure(messages=messages, small_files=small_files, print_line=Steps())


@benchmark("sql")
@click.option(
    "--rows", "row_count", default=10_000_000, show_default=True, help="Rows of every table."
)
def sql(row_count: int) -> "Iterable[Measurement]":
    """Seconds of each report over tables of 10 million rows, beside plain DuckDB on the same files.

    It makes a lake of about 4 GB in the temporary folder first, and removes it. The last figure is
    an aggregate beside delta-rs's own SQL.
    """
    from bench.sql import measure

    return measure(row_count=row_count, print_line=Steps())


@benchmark("book")
@click.option(
    "--changes", "change_count", default=10_000_000, show_default=True, help="Changes of the day."
)
@click.option("--seed", default=7, show_default=True, help="Seed of the moments.")
def book(change_count: int, seed: int) -> "Iterable[Measurement]":
    """Milliseconds of the book at an instant of a day with 10 million changes; the target is 200.

    The peer is plain DuckDB over all changes of the day before the instant.
    """
    from bench.book import measure

    return measure(change_count=change_count, seed=seed, print_line=Steps())


@benchmark("sweep")
@click.option("--settings", "count", default=1000, show_default=True, help="Settings to try.")
@click.option("--days", default=30, show_default=True, help="Days of minutes.")
def sweep(count: int, days: int) -> "Iterable[Measurement]":
    """Seconds of `backtest --sweep` with 1,000 settings over a month; the target is 600."""
    from bench.sweep import measure

    return measure(days=days, settings_count=count, print_line=Steps())
