"""`airflow`: without its database most of Airflow's commands end in a traceback; ours say why."""

import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from cli.main import cli
from include.local.scratch import free_ports


@pytest.fixture
def commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """What Airflow itself was started with, where no Postgres answers."""
    monkeypatch.setenv("TICKHOUSE_VAR", str(tmp_path / "var"))
    monkeypatch.setenv("TICKHOUSE_PORTS_POSTGRES", str(free_ports(1)[0]))
    commands: list[list[str]] = []
    monkeypatch.setattr(os, "execve", lambda _path, words, _environ: commands.append(words[1:]))
    return commands


def test_a_command_that_needs_the_database_is_refused_in_one_sentence(
    commands: list[list[str]],
) -> None:
    outcome = CliRunner().invoke(cli, ["airflow", "dags", "list"])
    assert outcome.exit_code == 1 and not commands
    assert "Postgres at 127.0.0.1" in outcome.stderr and "is it up?" in outcome.stderr
    assert len(outcome.stderr.splitlines()) == 1


@pytest.mark.parametrize("words", [["version"], ["dags", "--help"]])
def test_a_command_that_needs_none_is_started(commands: list[list[str]], words: list[str]) -> None:
    CliRunner().invoke(cli, ["airflow", *words])
    assert commands == [words]
