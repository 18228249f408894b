"""The verb bench: measured numbers, beside a peer in the same run where there is one."""

import json
from collections.abc import Callable, Iterable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from cli.console import ERR, Steps, show_rows
from include.settings import ROOT, from_environment

if TYPE_CHECKING:
    from bench.measurement import Measurement

USUAL_FITS = (43_200, 127_888)
WINDOW_ENDS = 4  # so many times as long as the other measures: an end comes every ten seconds


@click.group()
def bench() -> None:
    """Measure Tickhouse beside its peers, in the same run on this machine."""


def benchmark(
    name: str,
) -> Callable[[Callable[..., "Iterable[Measurement]"]], click.Command]:
    """Make a verb of `bench` of a function that measures; it prints and records its rows."""

    def make(measure: Callable[..., "Iterable[Measurement]"]) -> click.Command:
        @bench.command(name)
        @click.option("--json", "as_json", is_flag=True, help="The stable machine-readable form.")
        @click.option(
            "--record", is_flag=True, help="Also append the rows to bench/RESULTS.md, as measured."
        )
        @wraps(measure)
        def run(*, as_json: bool, record: bool, **options: Any) -> None:
            _present(list(measure(**options)), as_json=as_json, recorded=record)

        return run

    return make


@benchmark("feeds")
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    default=ROOT.parent / "shared" / "data",
    help="Folder of real recordings; without them the frames are generated.",
)
def feeds(data: Path) -> "Iterable[Measurement]":
    """Frames that a feed takes a second, and that it publishes until Kafka has acknowledged them.

    The peers are cryptofeed, with its own Kafka backend, and bare producers.
    """
    from bench.feeds import measure

    return measure(data, print_line=Steps())


@benchmark("stream")
@click.option("--messages", default=2_000_000, show_default=True, help="Messages of a round.")
@click.option("--warm-up", default=3_000_000, show_default=True, help="Messages before it.")
@click.option("--seed", default=7, show_default=True, help="Seed of the generated trades.")
@click.option("--rounds", default=3, show_default=True, help="Rounds, another arm first in each.")
@click.option(
    "--store",
    type=click.Choice(["local", "s3"]),
    default="local",
    show_default=True,
    help="s3: the stream alone, into an object store on this machine and into its disk.",
)
def stream(
    messages: int, warm_up: int, seed: int, rounds: int, store: str
) -> "Iterable[Measurement]":
    """Messages a second from Kafka to committed Delta rows, beside a plain Spark job and delta-rs.

    Run it with nothing else running: the arms take turns on the same broker. The rates are medians
    of the rounds, beside the lowest and highest ratio of a round.
    """
    from bench.stream import measure, measure_stores

    run = measure_stores if store == "s3" else measure
    return run(messages=messages, warm_up=warm_up, seed=seed, rounds=rounds, print_line=Steps())


@benchmark("latency")
@click.option("--orders", default=300, show_default=True, help="Orders that are measured.")
@click.option("--per-second", default=1000, show_default=True, help="Messages a second.")
@click.option(
    "--seconds",
    default=30,
    show_default=True,
    help="Length of each measure; landing eight times as long, windows four times.",
)
def latency(orders: int, per_second: int, seconds: int) -> "Iterable[Measurement]":
    """Time from a window's end to its ratio and order, from a book update to its measure, to Delta.

    The order goes to the simulated Gemini, with the journal's commit of the intent in a real
    Postgres (the target is a p99 of 50 ms). Measures go through Spark's real-time mode, beside the
    same query in micro-batches.
    """
    from bench import latency as bench_latency
    from bench import orders as bench_orders
    from bench import window_ends

    return [
        *window_ends.measure(
            per_second=per_second, seconds=WINDOW_ENDS * seconds, print_line=Steps()
        ),
        *bench_orders.measure(orders=orders, print_line=Steps()),
        *bench_latency.measure(per_second=per_second, seconds=seconds),
    ]


@benchmark("memory")
@click.option("--per-second", default=1000, show_default=True, help="Messages a second.")
@click.option("--minutes", default=20.0, show_default=True, help="Length of the run.")
def memory(per_second: int, minutes: float) -> "Iterable[Measurement]":
    """Heap of the stream's driver after full collections, its Python workers, and their slopes.

    Of each minute the lowest of four samples counts; the first quarter, in which caches fill, does
    not. A slope within its error of zero is flat.
    """
    from bench.memory import measure

    return measure(per_second=per_second, minutes=minutes, print_line=Steps())


@benchmark("endurance")
@click.option("--days", default=30, show_default=True, help="Days of the market.")
@click.option(
    "--messages",
    default=50_000,
    show_default=True,
    type=click.IntRange(min=12_000),
    help="Messages of a day.",
)
@click.option("--rounds", default=3, show_default=True, help="Rounds of the hourly jobs in a day.")
@click.option("--day-s", default=45.0, show_default=True, help="Shortest time that a day takes.")
def endurance(days: int, messages: int, rounds: int, day_s: float) -> "Iterable[Measurement]":
    """What a day costs and keeps, and whether that grows: days of the default markets, scaled.

    Landing, minutes, healing, checks, joining of files, training, compaction and retention are
    real processes on a scaled clock of the market. Each figure is the median of the days from the
    third on, with its slope a day and twice that slope's standard error. What is written counts in
    any file, Spark's scratch too; each day has a line of it for each job and process.
    """
    from bench.endurance import MarketPlan, measure

    return measure(MarketPlan(days, messages, rounds, day_s), print_line=Steps())


@benchmark("growth")
@click.option(
    "--files",
    "file_count",
    default=10_000,
    show_default=True,
    help="Data files of a grown table.",
)
@click.option("--symbols", default=50, show_default=True, help="Symbols of the wide market.")
@click.option("--seconds", default=60, show_default=True, help="Length of each measure.")
def growth(file_count: int, symbols: int, seconds: int) -> "Iterable[Measurement]":
    """Time of a micro-batch on a table of many files and with many symbols, beside few.

    1,000 messages a second, book and trades, go through `land`, `signals` and `minutes` into Delta
    and Postgres; the peer is the same stream on tables of 10 files and with one symbol.
    """
    from bench.growth import measure

    return measure(file_count=file_count, symbols=symbols, seconds=seconds, print_line=Steps())


@benchmark("scale")
@click.option("--quick", is_flag=True, help="A few cells with few messages, in some minutes.")
def scale(quick: bool) -> "Iterable[Measurement]":
    """Publishing and landing with 1 to 500 symbols, 1 to 16 partitions, 1 and 2 feed shards.

    Messages a second, the time of a batch of a tenth of the messages, and the share of the fullest
    partition; the peer is the cell with one of each. docs/scaling.md reckons with them.
    """
    from bench.scale import QUICK_GRID, USUAL_GRID, measure

    return measure(QUICK_GRID if quick else USUAL_GRID, print_line=Steps())


@benchmark("viewers")
@click.option("--viewers", "count", default=10, show_default=True, help="Pages that are open.")
@click.option("--seconds", default=60, show_default=True, help="Length of each measure.")
def viewers(count: int, seconds: int) -> "Iterable[Measurement]":
    """How late the running stream lands while so many viewers watch, beside none.

    `./tickhouse up` must run. The viewers hold the dashboard's sockets without a browser.
    """
    from bench.viewers import measure

    return measure(from_environment(), count=count, seconds=seconds, print_line=Steps())


@benchmark("forecast")
@click.option(
    "--rows",
    "sizes",
    multiple=True,
    type=click.IntRange(min=2),
    help="Generated minutes to fit; repeatable. Unless --bars is given, 43200 and "
    "127888. Stock takes long for 525600.",
)
@click.option(
    "--bars",
    multiple=True,
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Minutes of a file of bars, in any edition that history is read in; repeatable.",
)
@click.option("--quality", is_flag=True, help="Errors and coverage over rolling origins instead.")
@click.option("--origins", default=264, show_default=True, help="Origins of --quality.")
def forecast(
    sizes: tuple[int, ...], bars: tuple[Path, ...], quality: bool, origins: int
) -> "Iterable[Measurement]":
    """Seconds of a fit and the log posterior it reaches, beside stock Prophet's.

    With --quality: the forecast's error beside the last price's, and how much its band covers, from
    many origins, each with a year of training, over the last 88 days of the bars (without --bars:
    the recordings beside the repository, else generated minutes).
    """
    from bench.forecast import measure
    from bench.forecast_quality import measure_quality

    if quality:
        return measure_quality(bars, origins=origins, print_line=Steps())
    return measure(sizes or (() if bars else USUAL_FITS), bars, print_line=Steps())


def _present(measurements: "list[Measurement]", *, as_json: bool, recorded: bool) -> None:
    """Record the rows first, if that was asked for, so that no fault of printing loses them."""
    from bench.measurement import COLUMNS, RESULTS_FILE, as_rows, record

    rows = as_rows(measurements)
    if recorded:
        record(measurements, invocation=_describe_invocation(), results=RESULTS_FILE)
    if as_json:
        click.echo(json.dumps(rows, indent=1))
    else:
        show_rows(COLUMNS, [list(row.values()) for row in rows], form="table")
    if recorded:
        ERR.print(f"recorded in {RESULTS_FILE.relative_to(ROOT)}")


def _describe_invocation() -> str:
    """The command as it was given, without how its rows are presented."""
    context = click.get_current_context()
    options = [
        parameter.opts[0] if value is True else f"{parameter.opts[0]} {value}"
        for parameter in context.command.params
        if context.get_parameter_source(parameter.name or "") is ParameterSource.COMMANDLINE
        and parameter.name not in {"as_json", "record"}
        for value in _values(context.params[parameter.name or ""])
    ]
    return " ".join(["./tickhouse bench", context.info_name or "", *options])


def _values(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)
