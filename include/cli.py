"""`./tickhouse`: the one command. Every verb is a function here; `--help` tells what each does."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import click

from include.console import ERR, OUT, Steps, show_rows, show_status
from include.errors import PlatformError, TickhouseError
from include.settings import ROOT, Settings, from_environment


class _Group(click.Group):
    """A group whose known errors are one sentence and exit code 1."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            ERR.print("interrupted")
            sys.exit(130)
        except TickhouseError as error:
            ERR.print(f"[red]tickhouse:[/] {error}", highlight=False)
            sys.exit(1)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """A crypto tick lakehouse: every market message accounted for."""


@cli.command()
@click.option("--live", is_flag=True, help="Follow the real venues (orders stay on paper).")
@click.option("--tape", type=click.Path(path_type=Path), help="Replay PATH.jsonl.gz instead.")
@click.option("--speed", default=1.0, show_default=True, help="How much faster the tape plays.")
@click.option("--history", default="", help="History CSV to train on: a file or an URL.")
@click.option("--detach", is_flag=True, help="Return once everything runs.")
def up(live: bool, tape: Path | None, speed: float, history: str, detach: bool) -> None:
    """Start the whole platform on this machine and print the links.

    The market is simulated unless --live or --tape is given. Without --detach it stays until
    Ctrl-C and then takes everything down again. Examples:

    \b
      ./tickhouse up
      ./tickhouse up --live --detach
      ./tickhouse up --tape tapes/btcusd_2018-04-24 --speed 10 --history bars.csv.gz
    """  # noqa: D301 (click reads the \\b)
    from include.local.airflow import generated_secrets
    from include.local.platform import start_first_training
    from include.local.worlds import chosen, ensure_secrets, enter

    flags = chosen(live=live, tape=tape, speed=speed, history=history)
    ensure_secrets(from_environment(flags).var, generated_secrets())
    steps = Steps()
    _refuse_second(from_environment())
    settings = enter(flags)
    platform = _platform(settings, steps)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    platform.up()
    start_first_training(settings, say=steps)
    _show_links(settings)
    if not detach:
        from include.local.milestones import watch

        watch(settings, say=steps)
        steps("taking everything down")
        platform.down()


@cli.command()
def down() -> None:
    """Stop everything that `up` started; the data stays in var/."""
    settings = from_environment()
    _platform(settings, Steps()).down()
    ERR.print(f"world {settings.world} is down; its data stays in {_shown(settings.home)}")


@cli.command()
@click.argument("name")
def restart(name: str) -> None:
    """Stop process NAME (as `status` lists it) and start it again."""
    from include.local.supervisor import Supervisor

    supervisor = Supervisor(from_environment())
    known = [one["name"] for one in supervisor.processes()]
    if name not in known:
        raise PlatformError(f"no process is named {name!r}; there are {', '.join(known)}")
    supervisor.stop(name)
    supervisor.start(name)


@cli.command()
@click.argument("name")
@click.option("-n", "--lines", default=100, show_default=True, help="How many of the last lines.")
@click.option("-f", "--follow", is_flag=True, help="Go on as they come, until Ctrl-C.")
def logs(name: str, lines: int, follow: bool) -> None:
    """Show the log of process NAME."""
    folder = from_environment().home / "logs"
    log = folder / f"{name}.log"
    if not log.exists():
        there = ", ".join(sorted(path.stem for path in folder.glob("*.log"))) or "none yet"
        raise PlatformError(f"no log is named {name!r}; there are {there}")
    command = ["tail", "-n", str(lines), *(["-F"] if follow else []), str(log)]
    sys.exit(subprocess.run(command, check=False).returncode)


@cli.command()
@click.option("--json", "as_json", is_flag=True, help="The stable machine-readable form.")
def status(as_json: bool) -> None:
    """Show processes, feeds, stream lag, rows landed, the last audit, and the links.

    Exits 1 when not everything is running.
    """
    from include.local.status import collected
    from streaming.bus import offsets

    settings = from_environment()
    told = collected(settings, ends=lambda topics: offsets(settings.bootstrap, topics))
    if as_json:
        click.echo(json.dumps(told, default=str, indent=1))
    else:
        show_status(told, login=_login(settings))
    sys.exit(0 if told["ok"] else 1)


@cli.command("sql")
@click.argument("statement")
@click.option("--format", "form", type=click.Choice(["table", "csv", "json"]), default="table",
              show_default=True, help="How the result is printed.")  # fmt: skip
def run_sql(statement: str, form: str) -> None:
    """Run a SQL STATEMENT (DuckDB's dialect) over the Delta tables, without Spark.

    Example: ./tickhouse sql "SELECT venue, count(*) FROM trades GROUP BY ALL"
    """
    from include.lake.reading import query

    columns, rows = query(from_environment().lake, statement)
    show_rows(columns, rows, form=form)


@cli.command()
@click.option("--json", "as_json", is_flag=True, help="The stable machine-readable form.")
def audit(as_json: bool) -> None:
    """Prove from Kafka and Delta that every message landed exactly once; exits 1 if not."""
    from spark_jobs.audit_lake import audit_world

    report = audit_world(from_environment())
    if as_json:
        click.echo(json.dumps(report.as_dict(), indent=1))
    else:
        columns = ("topic", "partition", "first", "last", "landed", "quarantined", "missing",
                   "doubled")  # fmt: skip
        show_rows(columns, [[line[key] for key in columns] for line in report.partitions],
                  form="table")  # fmt: skip
        for check in report.checks:
            mark = "[green]ok[/]  " if check["ok"] else "[red]FAIL[/]"
            OUT.print(f"{mark} {check['name']}: {check['detail']}")
    sys.exit(0 if report.ok else 1)


@cli.command(context_settings={"ignore_unknown_options": True, "help_option_names": []})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def test(arguments: tuple[str, ...]) -> None:
    """Run the whole test suite, services included. ARGUMENTS go to pytest (-k unit)."""
    from include.local.jars import ensure_jars
    from include.local.java import ensure_java

    ensure_java()
    ensure_jars()
    os.chdir(ROOT)
    os.execv(sys.executable, [sys.executable, "-m", "pytest", *arguments])


@cli.command()
def check() -> None:
    """Check format, lint, types and import rules; exits 1 at the first that fails."""
    binaries = Path(sys.executable).parent
    for command in (["ruff", "format", "--check", "."], ["ruff", "check", "."], ["mypy"],
                    ["lint-imports"]):  # fmt: skip
        ERR.print(f"[dim]{' '.join(command)}[/]")
        done = subprocess.run([str(binaries / command[0]), *command[1:]], cwd=ROOT, check=False)
        if done.returncode:
            sys.exit(1)


def _platform(settings: Settings, steps: Steps) -> Any:
    from include.local.platform import Platform
    from streaming.bus import ensure_topics

    def make_topics() -> None:
        ensure_topics(
            settings.bootstrap,
            partitions=settings.kafka.partitions,
            replication=settings.kafka.replication,
            retention_hours=settings.kafka.retention_hours,
        )

    return Platform(settings, say=steps, make_topics=make_topics)


def _refuse_second(settings: Settings) -> None:
    from include.local.supervisor import Supervisor

    if Supervisor(settings).running():
        raise PlatformError(
            f"world {settings.world} is up already: see ./tickhouse status, or run "
            "./tickhouse down first"
        )


def _show_links(settings: Settings) -> None:
    from include.local.status import links

    for name, link in links(settings).items():
        login = f"   log-in {_login(settings)}" if name == "airflow" else ""
        OUT.print(f"  {name:<10} {link}{login}", highlight=False)


def _login(settings: Settings) -> str:
    if not OUT.is_terminal:
        return f"{settings.airflow.user}, password in {_shown(settings.var / 'secrets.env')}"
    return f"{settings.airflow.user} / {settings.airflow.password.reveal()}"


def _shown(path: Path) -> str:
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


if __name__ == "__main__":
    cli(prog_name="tickhouse")
