"""Verbs around servers that run already: prepare, airflow."""

import os
import sys
from pathlib import Path

import click

from cli.console import ERR
from include.settings import Settings, from_environment
from include.settings.groups import DatabaseRole


@click.command()
@click.option(
    "--first-training",
    is_flag=True,
    help="Begin the first training by Airflow's API too, and wait for its forecast.",
)
def prepare(first_training: bool) -> None:
    """Make the databases, serving tables and topics on servers that run already (a cluster).

    `up` does this by itself; the containers of docker-compose.yml do it once with this verb.
    """
    from include.local.first_training import FirstTraining
    from include.local.postgres import create_databases
    from include.serving.preparation import create_serving_database

    settings = from_environment()
    require_servers(settings)
    create_databases(settings)
    create_serving_database(settings)
    make_topics(settings)
    require_schema(settings)
    ERR.print("databases, serving tables and topics are there")
    if first_training:
        training = FirstTraining(settings, print_line=ERR.print)
        training.start()
        training.wait()


WITHOUT_DATABASE = frozenset({"-h", "--help", "version", "config", "providers", "cheat-sheet"})


@click.command(
    "airflow", context_settings={"ignore_unknown_options": True, "help_option_names": []}
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def run_airflow(arguments: tuple[str, ...]) -> None:
    """Run Airflow's own command in this installation's environment.

    Example: ./tickhouse airflow dags list
    """
    from include.local.airflow import build_environment, prepare
    from include.serving.connection import connect

    settings = from_environment()
    if not WITHOUT_DATABASE.intersection(arguments):
        # Without it most of Airflow's commands end in a traceback of a hundred lines.
        database = settings.postgres.airflow_database
        connect(settings.dsn(DatabaseRole.AIRFLOW, database=database)).close()
    prepare(settings)
    binary = Path(sys.executable).with_name("airflow")
    environ = dict(os.environ) | build_environment(settings)
    os.execve(binary, [str(binary), *arguments], environ)


def require_servers(settings: Settings) -> None:
    """Ask store, Kafka and Postgres, before anything is made in one of them."""
    from include.bus import topic_ids
    from include.local.schema import refuse_other_schemas
    from include.serving.connection import connect

    refuse_other_schemas(settings)
    topic_ids(settings.bootstrap, ())
    connect(settings.dsn(database="postgres")).close()


def require_schema(settings: Settings) -> None:
    """Refuse a world of another schema; a new one gets this program's."""
    from datetime import UTC, datetime

    from include.local import schema
    from include.versions import find_versions

    schema.require_schema(settings, program=find_versions()["Tickhouse"], now=datetime.now(UTC))


def make_topics(settings: Settings) -> None:
    """Make the topics that are not there, and bring the others to the settings."""
    from include.bus import ensure_topics

    ensure_topics(settings.bootstrap, settings.kafka)
