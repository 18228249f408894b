"""What doctor says of a database that somebody else runs, or that `up` would start."""

import json

from click.testing import CliRunner

from cli.main import cli
from include.local.status import database_defect
from include.settings import Settings, load

DEAD = 9  # the port of a service that nobody runs


def at_dead_servers(settings: Settings, **more: str) -> dict[str, str]:
    own = {"TICKHOUSE_VAR": str(settings.var), "TICKHOUSE_PORTS_POSTGRES": str(DEAD)}
    return own | {f"TICKHOUSE_{name}": value for name, value in more.items()}


def test_a_server_of_ones_own_must_answer_and_ours_is_down(settings: Settings) -> None:
    assert database_defect(load(at_dead_servers(settings))) is None
    others = load(at_dead_servers(settings, POSTGRES_HOST="127.0.0.1"))
    assert "127.0.0.1:9: connection to server" in str(database_defect(others))


def test_doctor_does_not_call_servers_whole_that_do_not_answer(settings: Settings) -> None:
    environ = at_dead_servers(
        settings, POSTGRES_HOST="127.0.0.1", KAFKA_BOOTSTRAP=f"127.0.0.1:{DEAD}"
    )
    done = CliRunner().invoke(cli, ["doctor", "--json"], env=environ)
    report = json.loads(done.stdout)
    assert (done.exit_code, report["ok"]) == (1, False)
    postgres, kafka = report["causes"]
    assert postgres.startswith("Postgres at 127.0.0.1:9: ")
    assert kafka.startswith("Kafka at 127.0.0.1:9 does not answer: ")
