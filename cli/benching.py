"""The verb bench: measured figures, each beside its peer in the same run."""

import json
from pathlib import Path
from typing import Any

import click

from cli.console import ERR, show_rows
from include.settings import ROOT

USUAL_FITS = (43_200, 127_888)
FIGURE = ("name", "value", "unit", "peer", "peer_value", "ratio")


@click.group()
def bench() -> None:
    """Measure Tickhouse beside its peers, in the same run on this machine."""


@bench.command()
@click.option("--json", "as_json", is_flag=True, help="The stable machine-readable form.")
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    default=ROOT.parent / "shared" / "data",
    help="Folder of real recordings.",
)
def feeds(as_json: bool, data: Path) -> None:
    """Frames decoded and published a second, from real recordings, on one core.

    The peer is cryptofeed: `uv sync --group bench --inexact` installs it.
    """
    from bench.feeds import figures
    from bench.feeds_peer import installed

    if not installed():
        ERR.print("cryptofeed is not installed: its figures are left out")
    _print(figures(data), as_json=as_json)


@bench.command()
@click.option("--json", "as_json", is_flag=True, help="The stable machine-readable form.")
@click.option("--messages", default=2_000_000, show_default=True, help="Messages of the measure.")
@click.option("--warm-up", default=3_000_000, show_default=True, help="Messages before it.")
@click.option("--seed", default=7, show_default=True, help="Seed of the generated trades.")
def stream(as_json: bool, messages: int, warm_up: int, seed: int) -> None:
    """Messages a second from Kafka to committed Delta rows, beside a plain Spark job and delta-rs.

    Run it with nothing else running: the arms take turns on the same broker.
    """
    from bench.stream import figures

    _print(figures(messages=messages, warm_up=warm_up, seed=seed), as_json=as_json)


@bench.command()
@click.option("--json", "as_json", is_flag=True, help="The stable machine-readable form.")
@click.option("--orders", default=300, show_default=True, help="Orders that are measured.")
@click.option("--per-second", default=1000, show_default=True, help="Messages a second.")
@click.option(
    "--seconds",
    default=30,
    show_default=True,
    help="Length of each measure; landing eight times as long.",
)
def latency(as_json: bool, orders: int, per_second: int, seconds: int) -> None:
    """Time from a signal to its order, from a book update to its measure, from Kafka to Delta.

    The order goes to the simulated Gemini, with the journal's commit of the intent in a real
    Postgres (p99 of 50 ms is the promise). Measures go through Spark's real-time mode, beside the
    same query in micro-batches.
    """
    from bench import latency as bench_latency
    from bench.orders import figures
    from cli.console import Steps

    found = figures(orders=orders, say=Steps())
    found += bench_latency.figures(per_second=per_second, seconds=seconds)
    _print(found, as_json=as_json)


@bench.command()
@click.option("--json", "as_json", is_flag=True, help="The stable machine-readable form.")
@click.option("--per-second", default=1000, show_default=True, help="Messages a second.")
@click.option("--minutes", default=20.0, show_default=True, help="Length of the run.")
def memory(as_json: bool, per_second: int, minutes: float) -> None:
    """Heap of the stream's driver after full collections, its Python workers, and their slopes.

    Of each minute the least of four samples counts; the first quarter, in which caches fill, does
    not. A slope within its error of zero is flat.
    """
    from bench.memory import figures
    from cli.console import Steps

    _print(figures(per_second=per_second, minutes=minutes, say=Steps()), as_json=as_json)


@bench.command()
@click.option("--json", "as_json", is_flag=True, help="The stable machine-readable form.")
@click.option("--files", default=10_000, show_default=True, help="Data files of the grown table.")
@click.option("--symbols", default=50, show_default=True, help="Symbols of the wide market.")
@click.option("--seconds", default=60, show_default=True, help="Length of each measure.")
def growth(as_json: bool, files: int, symbols: int, seconds: int) -> None:
    """Time of a micro-batch on a table of many files and with many symbols, beside few.

    1,000 book messages a second go through `land` and `signals`; the peer is the same stream on a
    table of 10 files and with one symbol.
    """
    from bench.growth import figures
    from cli.console import Steps

    _print(figures(files=files, symbols=symbols, seconds=seconds, say=Steps()), as_json=as_json)


@bench.command()
@click.option("--json", "as_json", is_flag=True, help="The stable machine-readable form.")
@click.option("--messages", default=10_000_000, show_default=True, help="Messages that landed.")
def audit(as_json: bool, messages: int) -> None:
    """Seconds of `./tickhouse audit` over 10 million messages; 30 are the promise.

    They go through Kafka and the stream first, for two to four minutes. The peer is the same
    number of distinct offsets counted by DuckDB alone, without a check.
    """
    from bench.audit import figures
    from cli.console import Steps

    _print(figures(messages=messages, say=Steps()), as_json=as_json)


@bench.command("viewers")
@click.option("--json", "as_json", is_flag=True, help="The stable machine-readable form.")
@click.option("--viewers", "count", default=10, show_default=True, help="Pages that are open.")
@click.option("--seconds", default=60, show_default=True, help="Length of each measure.")
def watched(as_json: bool, count: int, seconds: int) -> None:
    """How late the running stream lands while so many viewers watch, beside none.

    `./tickhouse up` must run. The viewers hold the dashboard's sockets without a browser.
    """
    from bench.viewers import figures
    from cli.console import Steps
    from include.settings import from_environment

    _print(figures(from_environment(), count=count, seconds=seconds, say=Steps()), as_json=as_json)


@bench.command()
@click.option("--json", "as_json", is_flag=True, help="The stable machine-readable form.")
@click.option("--rows", default=10_000_000, show_default=True, help="Rows of every table.")
def sql(as_json: bool, rows: int) -> None:
    """Seconds of each report over tables of 10 million rows; two seconds each is the promise.

    It makes a lake of about 4 GB in the temporary folder first, and removes it. The last figure is
    an aggregate beside delta-rs's own SQL.
    """
    from bench.sql import figures
    from cli.console import Steps

    _print(figures(rows=rows, say=Steps()), as_json=as_json)


@bench.command("forecast")
@click.option("--json", "as_json", is_flag=True, help="The stable machine-readable form.")
@click.option(
    "--rows",
    multiple=True,
    type=click.IntRange(min=2),
    help="Generated minutes to fit; repeatable. Unless --bars is given, 43200 and "
    "127888. Stock takes long for 525600.",
)
@click.option(
    "--bars",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Fit the minutes of a file of bars, in any edition that history is read in.",
)
def fit_forecast(as_json: bool, rows: tuple[int, ...], bars: Path | None) -> None:
    """Seconds of a fit and the log posterior it reaches, beside stock Prophet's."""
    from bench.forecast import figures
    from cli.console import Steps

    sizes = rows or (() if bars else USUAL_FITS)
    _print(list(figures(sizes, bars, say=Steps())), as_json=as_json)


def _print(found: list[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(found, indent=1))
    else:
        show_rows(FIGURE, [[one[name] for name in FIGURE] for one in found], form="table")
