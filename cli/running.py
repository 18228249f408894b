"""Verbs that run the platform: up, down, restart, logs, status."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from cli.console import ERR, OUT, Steps, lines_option
from cli.preparing import make_topics, require_schema
from include.errors import PlatformError
from include.settings import Settings, from_environment


@click.command()
@click.option("--live", is_flag=True, help="Follow the real venues (orders stay on paper).")
@click.option("--tape", type=click.Path(path_type=Path), help="Replay PATH.jsonl.gz instead.")
@click.option("--speed", default=1.0, show_default=True, help="How much faster the tape plays.")
@click.option("--history", default="", help="History CSV to train on: a file or an URL.")
@click.option(
    "--until",
    default="",
    help="Train on history before this time (ISO, UTC); a tape: its first frame.",
)
@click.option(
    "--with",
    "extras",
    multiple=True,
    type=click.Choice(["sql-server"]),
    help="Start this too: sql-server, a JDBC/ODBC endpoint over the lake.",
)
@click.option(
    "--cluster",
    is_flag=True,
    help="On a cluster's servers: three brokers and Postgres with TLS, Spark's workers, S3.",
)
@click.option("--detach", is_flag=True, help="Return once everything runs.")
def up(tape: Path | None, until: str, detach: bool, **world: Any) -> None:
    """Start the whole platform on this machine and print the links.

    The market is simulated unless --live or --tape is given. A tape with --history starts to play
    when its forecast is published. Without --detach it stays until Ctrl-C and then takes
    everything down again. Examples:

    \b
      ./tickhouse up
      ./tickhouse up --live --detach
      ./tickhouse up --with sql-server
      ./tickhouse up --cluster
      ./tickhouse up --tape tapes/btcusd_2018-04-24 --speed 10 --history bars.csv.gz
    """  # noqa: D301 (click reads the \\b)
    from include.local.first_training import FirstTraining
    from include.local.worlds import world_variables
    from streaming.feeds.tape import tape_start

    flags = world_variables(tape=tape, **world)
    if world["cluster"]:
        flags |= _choose_cluster(flags)
    settings, steps = _enter(flags), Steps()
    if tape is not None and not until:  # no forecast for it may know later minutes
        until = tape_start(tape).isoformat()
    training = FirstTraining(settings, print_line=steps, until=until)

    def await_forecast() -> None:
        if tape is not None:
            training.wait()

    platform = _make_platform(
        settings, steps, with_airflow=training.start, before_feeds=await_forecast
    )
    with steps.show_elapsed_time():
        platform.up()
    training.raise_fault()
    _show_links(settings)
    if not detach:
        _stay(settings, platform, steps)


def _stay(settings: Settings, platform: Any, steps: Steps) -> None:
    """Open the dashboard for a person at a terminal, report milestones until Ctrl-C, stop all."""
    from cli.opening import open_dashboard
    from include.local.milestones import watch_milestones

    is_wanted = settings.dashboard.open == "yes"
    open_dashboard(f"{settings.public_urls['dashboard']}/", os.environ, is_wanted=is_wanted)
    watch_milestones(settings, print_line=steps)
    steps("taking everything down")
    platform.down()


@click.command()
def down() -> None:
    """Stop everything that `up` started; the data stays in var/."""
    settings = from_environment()
    _make_platform(settings, Steps()).down()
    ERR.print(f"world {settings.world} is down; its data stays in {_short_path(settings.home)}")


@click.command()
@click.argument("process_names", nargs=-1, required=True, metavar="NAME…")
def restart(process_names: tuple[str, ...]) -> None:
    """Restart processes (as `status` lists them), each when the one before works again.

    They read `.env` again; what was in the environment of `up` stays as it was then. The others go
    on, and what comes meanwhile waits in Kafka. The successor of a venue's feed has data before
    the feed ends: no trade is missed, and there is no hole in the ledger. Examples:

    \b
      ./tickhouse restart feed-gemini feed-binance
      ./tickhouse restart stream trader minutes dashboard
    """  # noqa: D301 (click reads the \\b)
    from include.local.rolling import restart_programs
    from include.local.supervisor import SupervisorClient

    settings, steps = from_environment(), Steps()
    with steps.show_elapsed_time():
        restart_programs(settings, SupervisorClient(settings), process_names, print_line=steps)


@click.command()
@click.argument("name")
@lines_option(100, meaning="How many of the last lines.")
@click.option("-f", "--follow", is_flag=True, help="Go on as they come, until Ctrl-C.")
def logs(name: str, lines: int, follow: bool) -> None:
    """Show the log of process NAME."""
    folder = from_environment().home / "logs"
    log = folder / f"{name}.log"
    if not log.exists():
        names = ", ".join(sorted(path.stem for path in folder.glob("*.log"))) or "none yet"
        raise PlatformError(f"no log is named {name!r}; there are {names}")
    command = ["tail", "-n", str(lines), *(["-F"] if follow else []), str(log)]
    sys.exit(subprocess.run(command, check=False).returncode)


@click.command()
@click.option("--json", "as_json", is_flag=True, help="The stable machine-readable form.")
@click.option("--watch", is_flag=True, help="Refresh it every few seconds, until q or Ctrl-C.")
@click.option(
    "--every", "every_s", default=2.0, show_default=True, help="Seconds between two of --watch."
)
def status(as_json: bool, watch: bool, every_s: float) -> None:
    """Show processes, feeds, stream lag, rows landed, the last audit, and the links.

    Exits 1 when not everything is running. Examples:

    \b
      ./tickhouse status
      ./tickhouse status --watch
      ./tickhouse status --json | jq .lag
    """  # noqa: D301 (click reads the \\b)
    from functools import partial

    from cli.status_view import show_status, watch_status
    from include.bus import message_times_ms, offset_ranges
    from include.local.status import read_status

    settings = from_environment()
    look = partial(
        read_status,
        settings,
        ranges=partial(offset_ranges, settings.bootstrap),
        times_ms=partial(message_times_ms, settings.bootstrap),
    )
    if watch and not as_json:
        watch_status(look, login=_describe_login(settings), every_s=every_s)
        return
    current = look()
    if as_json:
        click.echo(json.dumps(asdict(current), default=str, indent=1))
    else:
        show_status(current, login=_describe_login(settings))
    sys.exit(0 if current.ok else 1)


def _enter(flags: dict[str, str]) -> Settings:
    """Go to the world of the flags, unless one is up already."""
    from include.local.airflow import generate_secrets
    from include.local.preflight import check_disk
    from include.local.worlds import ensure_secrets, enter_world

    check_disk(from_environment(flags).var)
    _refuse_second(from_environment())
    if not from_environment(flags).cluster.is_started:  # its store does not run yet
        require_schema(from_environment(flags))
    ensure_secrets(from_environment(flags).var, generate_secrets())
    return enter_world(flags)


def _choose_cluster(flags: dict[str, str]) -> dict[str, str]:
    """The settings of a cluster's servers on this machine, as those of a real one would be."""
    from datetime import UTC, datetime

    from include.local.cluster import cluster_variables
    from include.local.preflight import check_disk

    settings = from_environment(flags)
    check_disk(settings.var)
    _refuse_second(from_environment())
    return cluster_variables(settings, now=datetime.now(UTC))


def _make_platform(settings: Settings, steps: Steps, **hooks: Callable[[], None]) -> Any:
    from include.local.platform import Platform

    return Platform(
        settings,
        print_line=steps,
        make_topics=lambda: make_topics(settings),
        check_world=lambda: require_schema(settings),
        **hooks,
    )


def _refuse_second(settings: Settings) -> None:
    from include.local.supervisor import SupervisorClient

    if SupervisorClient(settings).is_running():
        raise PlatformError(
            f"world {settings.world} is up already: see ./tickhouse status, or run "
            "./tickhouse down first"
        )


def _show_links(settings: Settings) -> None:
    from include.local.status import list_links

    for name, link in list_links(settings).items():
        login = f"   log-in {_describe_login(settings)}" if name == "airflow" else ""
        OUT.print(f"  {name:<10} {link}{login}", highlight=False)


def _describe_login(settings: Settings) -> str:
    if not OUT.is_terminal:
        return f"{settings.airflow.user}, password in {_short_path(settings.var / 'secrets.env')}"
    return f"{settings.airflow.user} / {settings.airflow.password.reveal()}"


def _short_path(path: Path) -> str:
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
