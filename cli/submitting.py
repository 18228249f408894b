"""The verb submit: Spark's jobs on a cluster."""

import shlex
import sys
from subprocess import run

import click

from include.settings import from_environment


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("job")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@click.option("--print", "print_only", is_flag=True, help="Show the command instead of running it.")
@click.option(
    "--environment",
    default="",
    metavar="URI",
    help="Packed Python environment for the executors (tar.gz or zip).",
)
def submit(job: str, arguments: tuple[str, ...], print_only: bool, environment: str) -> None:
    """Start a Spark JOB by spark-submit: stream, load_history, compact_tables, fit_forecasts.

    Master, cores, memory and further options come from the settings (TICKHOUSE_STREAM_…).

    \b
      ./tickhouse submit stream --print
      TICKHOUSE_STREAM_MASTER=spark://host:7077 ./tickhouse submit stream
    """  # noqa: D301 (click reads the \\b)
    from spark_jobs.session import submit_environment
    from spark_jobs.submission import submit_command

    command = submit_command(from_environment(), job, arguments, environment=environment)
    if print_only:
        click.echo(shlex.join(command))
        return
    sys.exit(run(command, env=submit_environment(), check=False).returncode)
