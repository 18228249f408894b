"""A command line that cannot be read gets one sentence with what to do, and exit code 2."""

import pytest
from click.testing import CliRunner

from cli.main import cli


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["audit", "--nosuch"], "No such option '--nosuch' (./tickhouse audit --help)"),
        (["nosuch"], "No such command 'nosuch' (./tickhouse --help)"),
        (["--nosuch"], "No such option '--nosuch' (./tickhouse --help)"),
        (["holes", "nosuch"], "No such command 'nosuch' (./tickhouse holes --help)"),
        (["book", "gemini"], "Missing argument 'SYMBOL' (./tickhouse book --help)"),
        (["backtest", "--sweep"], "Option '--sweep' requires an argument (see --help)"),
        (
            ["drill", "--long", "nan"],
            "Invalid value for '--long': nan is no number of hours (./tickhouse drill --help)",
        ),
        (
            ["bench", "stream", "--store", "[x]"],
            "Invalid value for '--store': '[x]' is not one of 'local', 's3' "
            "(./tickhouse bench stream --help)",
        ),
    ],
)
def test_a_usage_error_is_one_line(arguments: list[str], sentence: str) -> None:
    outcome = CliRunner().invoke(cli, arguments, prog_name="tickhouse")
    assert (outcome.exit_code, outcome.output) == (2, f"tickhouse: {sentence}\n")


def test_the_topics_to_choose_from_are_named_once() -> None:
    outcome = CliRunner().invoke(cli, ["tail"], prog_name="tickhouse")
    assert outcome.output.count("market.ledger") == 1 and outcome.output.count("\n") == 1


def test_a_group_alone_shows_its_verbs() -> None:
    outcome = CliRunner().invoke(cli, ["holes"], prog_name="tickhouse")
    assert outcome.exit_code == 2 and "  list" in outcome.output
