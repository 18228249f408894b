"""An error that no verb foresaw is one sentence for a person, its traceback a file."""

from pathlib import Path

import click
from click.testing import CliRunner

from cli.main import _Group


def test_an_unexpected_error_is_one_sentence_and_its_traceback_is_kept() -> None:
    @click.group(cls=_Group)
    def command() -> None:
        pass

    @command.command()
    def break_down() -> None:
        raise ZeroDivisionError("a share of nothing\nmore lines")

    outcome = CliRunner().invoke(command, ["break-down"])
    assert outcome.exit_code == 1
    assert "tickhouse: ZeroDivisionError: a share of nothing (unexpected" in outcome.stderr
    file = Path(outcome.stderr.rpartition(" ")[2].strip().rstrip(")"))
    assert "break_down" in file.read_text()
    file.unlink()


def test_click_still_says_what_it_says_of_wrong_usage() -> None:
    outcome = CliRunner().invoke(_Group(name="x"), ["no-such-verb"])
    assert outcome.exit_code == 2 and "No such command" in outcome.stderr
