"""`./tickhouse test --help` is the verb's own help, and starts nothing."""

import os

import pytest
from click.testing import CliRunner

from cli.developing import test as verb
from include.local import class_archive, jars, java


def test_help_is_that_of_the_verb() -> None:
    answer = CliRunner().invoke(verb, ["--help"])
    assert answer.exit_code == 0
    assert "Run the whole test suite" in answer.output
    assert "test -- --help" in answer.output


def test_what_follows_two_dashes_goes_to_pytest(monkeypatch: pytest.MonkeyPatch) -> None:
    commands: list[list[str]] = []
    for module, name in (
        (java, "ensure_java"),
        (jars, "ensure_jars"),
        (class_archive, "ensure_class_archive"),
    ):
        monkeypatch.setattr(module, name, lambda *_: None)
    monkeypatch.setattr(os, "chdir", lambda _: None)
    monkeypatch.setattr(os, "execv", lambda _, command: commands.append(command))
    for arguments in (["--", "--help"], ["-k", "unit"]):
        CliRunner().invoke(verb, arguments)
    assert [command[3:] for command in commands] == [["--help"], ["-k", "unit"]]
