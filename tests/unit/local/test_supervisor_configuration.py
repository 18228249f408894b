"""How each process is asked to end, as supervisord reads it."""

import configparser
from pathlib import Path

import pytest
from supervisor.options import ClientOptions

from include.local.programs import list_programs
from include.local.supervisor import write_configuration
from include.settings import load


@pytest.fixture
def configuration(tmp_path: Path) -> configparser.RawConfigParser:
    settings = load({"TICKHOUSE_VAR": str(tmp_path)})
    parser = configparser.RawConfigParser()
    parser.read(write_configuration(settings, list_programs(settings)))
    return parser


def test_postgres_is_not_asked_to_wait_until_its_clients_leave(
    configuration: configparser.RawConfigParser,
) -> None:
    """At SIGTERM it waits for them; SIGINT ends their sessions, in an orderly way."""
    assert configuration["program:postgres"]["stopsignal"] == "INT"
    assert configuration["program:kafka"]["stopsignal"] == "TERM"


def test_the_stream_ends_its_jvm_itself(configuration: configparser.RawConfigParser) -> None:
    stream = configuration["program:stream"]
    assert (stream["stopasgroup"], stream["killasgroup"]) == ("false", "true")
    assert configuration["program:airflow-scheduler"]["stopasgroup"] == "true"


def test_no_process_of_airflow_delays_the_end_by_what_it_waits_for(
    configuration: configparser.RawConfigParser,
) -> None:
    waits = {
        section.removeprefix("program:"): int(configuration[section]["stopwaitsecs"])
        for section in configuration.sections()
        if section.startswith("program:")
    }
    assert waits["airflow-scheduler"] <= 3 and waits["airflow-api-server"] <= 3
    assert waits["stream"] >= 30 and waits["kafka"] >= 30  # these have something to write


def test_supervisorctl_finds_its_server_in_the_file(tmp_path: Path) -> None:
    secret = "50%of a;secret"
    environ = {"TICKHOUSE_VAR": str(tmp_path), "TICKHOUSE_SUPERVISOR_PASSWORD": secret}
    settings = load(environ)
    configuration = write_configuration(settings, list_programs(settings))
    control = ClientOptions()
    control.realize(["-c", str(configuration), "status"])
    assert control.serverurl == f"http://{settings.ports.host}:{settings.ports.supervisor}"
    assert (control.username, control.password) == ("tickhouse", secret)
