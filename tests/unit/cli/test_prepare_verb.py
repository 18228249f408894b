"""`prepare` where a server does not answer: one sentence, and nothing is made."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from cli.main import cli
from tests.support.services import free_ports


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What `prepare` makes, in the order in which it does."""
    order: list[str] = []
    makers = {
        "databases": "include.local.postgres.create_databases",
        "tables": "include.serving.preparation.create_serving_database",
        "topics": "cli.preparing.make_topics",
    }
    monkeypatch.setenv("TICKHOUSE_VAR", str(tmp_path))
    for name, place in makers.items():
        monkeypatch.setattr(place, lambda _, name=name: order.append(name))
    return order


def test_a_kafka_that_does_not_answer_leaves_nothing(
    tmp_path: Path, made: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (port,) = free_ports(1)
    monkeypatch.setenv("TICKHOUSE_KAFKA_BOOTSTRAP", f"127.0.0.1:{port}")
    done = CliRunner().invoke(cli, ["prepare"])
    assert done.exit_code == 1
    assert f"127.0.0.1:{port}" in done.output and "Traceback" not in done.output
    assert made == [] and list(tmp_path.rglob("schema.json")) == []


def test_a_postgres_that_does_not_answer_leaves_nothing(
    tmp_path: Path, made: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (port,) = free_ports(1)
    monkeypatch.setenv("TICKHOUSE_POSTGRES_HOST", "127.0.0.1")
    monkeypatch.setenv("TICKHOUSE_PORTS_POSTGRES", str(port))
    monkeypatch.setattr("include.bus.topic_ids", lambda *_: {})
    done = CliRunner().invoke(cli, ["prepare"])
    assert done.exit_code == 1
    assert str(port) in done.output and "Traceback" not in done.output
    assert made == [] and list(tmp_path.rglob("schema.json")) == []


def test_the_schema_is_written_when_all_is_made(
    tmp_path: Path, made: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cli.preparing.require_servers", lambda _: None)
    assert CliRunner().invoke(cli, ["prepare"]).exit_code == 0
    assert made == ["databases", "tables", "topics"]
    assert len(list(tmp_path.rglob("schema.json"))) == 1
