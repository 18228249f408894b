"""How many lines a verb shows: none at the fewest."""

import pytest
from click.testing import CliRunner

from cli.main import cli


@pytest.mark.parametrize("words", [["tail", "market.trades"], ["logs", "trader"]])
def test_a_negative_number_of_lines_is_refused(words: list[str]) -> None:
    outcome = CliRunner().invoke(cli, [*words, "-n", "-5"])
    assert outcome.exit_code == 2 and "-5 is not in the range" in outcome.output
