"""When a round of the drill passes, and what counts as a report of its fault."""

from dataclasses import replace

from bench.drill.rounds import DrillOutcome
from bench.drill.sabotage import Sabotage
from include.checks import Check

CLEAN = DrillOutcome(
    fault="kill-feed",
    action="kill -9 of a feed",
    sent_count=9,
    landed_count=9,
    lost_count=0,
    reported_s=None,
    reported="",
    recovered_s=3.0,
    sabotage="a row deleted",
    is_detected=True,
    detected="I1",
    findings=[],
)


def test_a_round_passes_only_if_all_is_there_it_recovered_and_the_sabotage_was_named() -> None:
    assert CLEAN.ok
    assert not replace(CLEAN, findings=["trades: 1 wrong"]).ok
    assert not replace(CLEAN, recovered_s=None).ok
    assert not replace(CLEAN, is_detected=False).ok


def test_a_sabotage_is_detected_by_a_failed_check_that_names_it() -> None:
    sabotage = Sabotage("a row deleted", r"market\.trades", lambda _settings, _chance: None)
    named = Check("I1 conservation", False, "market.trades/0: 1 missing")
    assert sabotage.find([named]) == "I1 conservation: market.trades/0: 1 missing"
    assert sabotage.find([replace(named, ok=True)]) == ""
    assert sabotage.find([replace(named, detail="market.book/0: 1 missing")]) == ""
