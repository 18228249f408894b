"""Every command in the documents is one that `./tickhouse` takes, and its SQL can be answered."""

import re
from pathlib import Path

import click
import pytest

from cli.main import cli
from include.lake.reading import query
from include.market.time import ALL_TIME
from include.settings import ROOT, load
from streaming.trader.config import TraderConfig
from tests.support.documents import COMMANDS, TEXTS, words_of


def test_there_are_commands_to_look_at() -> None:
    assert len(COMMANDS) > 30


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_of_the_documents_is_taken(command: str, tmp_path: Path) -> None:
    words = [str(tmp_path) if word == "FOLDER" else word for word in words_of(command)]
    group = cli
    with click.Context(cli, info_name="tickhouse") as context:
        while True:
            name, found, words = group.resolve_command(context, words)
            assert found is not None and name is not None
            if not isinstance(found, click.Group) or not words:
                break
            group = found
        if words and not isinstance(found, click.Group):
            found.make_context(name, words, parent=context)


SET = [command for command in COMMANDS if not command.startswith("./tickhouse")]


@pytest.mark.parametrize("command", SET)
def test_the_settings_before_a_command_of_the_documents_are_valid(
    command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    environ = dict(word.split("=", 1) for word in command.partition("./tickhouse")[0].split())
    assert TraderConfig.from_settings(load(environ))


SQL = [words_of(command)[1] for command in COMMANDS if re.match(r"\./tickhouse sql [\"']", command)]


@pytest.mark.parametrize("statement", SQL)
def test_the_sql_of_the_documents_is_answered(statement: str, tmp_path: Path) -> None:
    query(str(tmp_path), statement, all_tables=True)


BLOCKS = re.findall(r"^```sql\n(.*?)^```", TEXTS["docs/howto.md"], re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("statement", BLOCKS, ids=lambda text: str(text).partition("\n")[0])
def test_the_statements_of_the_how_tos_are_answered(statement: str, tmp_path: Path) -> None:
    assert len(BLOCKS) == 2
    span = {"first": ALL_TIME[0], "until": ALL_TIME[1]} if "$first" in statement else {}
    query(str(tmp_path), statement, span, all_tables=True)


def test_the_rule_of_the_how_tos_is_there() -> None:
    ((path, name),) = re.findall(r"TRADER_RULE=([\w/.]+):(\w+)", TEXTS["docs/howto.md"])
    assert f"class {name}" in (ROOT / path).read_text()


def test_each_path_that_is_tested_in_the_documents_exists() -> None:
    paths = {
        word for command in COMMANDS for word in words_of(command) if word.startswith("tests/")
    }
    assert paths and [path for path in paths if not (ROOT / path).exists()] == []
