"""`backtest` and `replay` take what they are given as the settings it stands for."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from cli.main import cli

SPAN = ["--from", "2026-11-20T12:00", "--to", "2026-11-20T13:00"]


@pytest.mark.parametrize("verb", [["backtest", *SPAN], ["replay", "--tape", "nowhere"]])
@pytest.mark.parametrize(
    ("option", "text", "reported"),
    [
        ("--venue", "mars", "TICKHOUSE_TRADER_VENUE"),
        ("--symbol", "BTC USD", "TICKHOUSE_TRADER_SYMBOL"),
        ("--account", "spare", "the trader has no account 'spare'"),
    ],
)
def test_what_no_setting_may_be_is_refused_by_name(
    verb: list[str], option: str, text: str, reported: str, tmp_path: Path
) -> None:
    words = [*verb, option, text]
    outcome = CliRunner().invoke(cli, words, env={"TICKHOUSE_VAR": str(tmp_path / "var")})
    assert outcome.exit_code == 1 and reported in outcome.stderr and text in outcome.stderr
