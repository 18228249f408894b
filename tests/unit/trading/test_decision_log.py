"""The line of a decision: the same wherever it was made, and another one for another decision."""

import hashlib
import json
from decimal import Decimal as D

import msgspec

from include.market.events import Decision, Top
from include.trading.account import Account
from include.trading.decision import decide, rederive
from include.trading.decision_log import digest, log_line
from include.trading.inputs import (
    Inputs,
    RecordId,
    SeenForecast,
    SeenTop,
    Signal,
    canonical_json,
    normalize_inputs,
)
from include.trading.strategy import Strategy
from tests.support.trading_parameters import PARAMETERS

END, S, HOUR = 1_524_546_960_000_000, 1_000_000, 3_600_000_000
TOP = Top(D(100), D(5), D(101), D(5))


def inputs(*, offset: int | None, ratio: str = "1", has_top: bool = True) -> Inputs:
    record_id = None if offset is None else RecordId("market.signals", 0, offset)
    top_id = None if offset is None else RecordId("market.book", 1, offset)
    return Inputs(
        rule="forecast_and_ratio",
        signal=Signal("gemini", "BTC-USD", "price_volume", D(ratio), END, END - 60 * S),
        forecast=SeenForecast("f1", END - HOUR, "buy"),
        top=SeenTop(END - S, TOP, top_id) if has_top else None,
        account=Account(quote=D(1000)),
        parameters=PARAMETERS,
        record_id=record_id,
    )


def test_the_places_of_records_are_not_in_a_line_and_all_else_is() -> None:
    decisions = [decide(inputs(offset=offset)) for offset in (None, 5, 6)]
    assert len({decision.inputs for decision in decisions}) == 3
    (line,) = {log_line(decision) for decision in decisions}
    assert "\n" not in line
    fields = json.loads(line)
    assert (fields["action"], fields["quantity"]) == ("buy", str(decisions[0].quantity))
    seen = fields["inputs"]
    assert (seen["record_id"], seen["top"]["record_id"]) == (None, None)
    assert (seen["signal"]["value"], seen["top"]["best"]["ask"]) == ("1", "101")
    assert log_line(decide(inputs(offset=5, ratio="1.1"))) != line


def test_a_decision_without_a_book_has_a_line_too() -> None:
    line = log_line(decide(inputs(offset=5, has_top=False)))
    assert json.loads(line)["inputs"]["top"] is None


def test_the_digest_is_that_of_the_file_of_all_lines() -> None:
    assert digest(["a", "b"]) == hashlib.sha256(b"a\nb\n").hexdigest()
    assert digest([]) == hashlib.sha256(b"").hexdigest()


def again(strategy: Strategy, seen: Inputs) -> Decision:
    return strategy.decide_again(seen)


def test_another_strategy_decides_with_its_own_account_and_numbers_on_what_one_saw() -> None:
    seen = inputs(offset=5)
    poor = Strategy(PARAMETERS, Account(quote=D(50)))
    decision = again(poor, seen)
    assert (decision.action, decision.side_next) == ("buy", "buy")
    assert decision.quantity is not None and decision.quantity < 1
    assert (decision.decision_id, decision.inputs) == ("", "")  # not recorded
    half = msgspec.structs.replace(PARAMETERS, balance_share=D("0.45"))
    smaller = again(Strategy(half, Account(quote=D(50))), seen)
    assert smaller.quantity is not None
    assert abs(smaller.quantity - decision.quantity / 2) < D("0.0001")
    narrow = msgspec.structs.replace(PARAMETERS, ratio_high=D("0.9"))
    assert again(Strategy(narrow, Account(quote=D(50))), seen).action == "hold"


def test_what_forbade_one_to_order_forbids_another() -> None:
    halted = msgspec.structs.replace(inputs(offset=5), vetoes=("halted",))
    decision = again(Strategy(PARAMETERS, Account(quote=D(50))), halted)
    assert decision.action == "hold" and "halted" in decision.reasons


def test_another_strategy_counts_its_orders_and_windows_and_begins_to_hold() -> None:
    limited = msgspec.structs.replace(PARAMETERS, orders_per_minute=1)
    strategy = Strategy(limited, Account(quote=D(50)))
    seen = inputs(offset=5)
    assert again(strategy, seen).action == "buy"
    assert strategy.last_window == END - 60 * S
    assert strategy.account.ordered_at == (END,)
    assert strategy.account.buy_and_hold is not None
    assert again(strategy, seen).action == "hold"  # one order a minute


def test_equal_numbers_of_levels_have_one_spelling() -> None:
    def seen(*texts: str) -> str:
        levels = (tuple(D(text) for text in texts),)
        top = SeenTop(END, TOP, bids=levels, asks=levels)  # type: ignore[arg-type]
        return canonical_json(normalize_inputs(msgspec.structs.replace(inputs(offset=1), top=top)))

    assert seen("1.50000000", "20") == seen("1.5", "2E+1")
    assert seen("1.5", "20") != seen("1.5", "21")


def test_what_a_newer_version_has_recorded_besides_is_kept() -> None:
    decision = decide(inputs(offset=5))
    newer = msgspec.structs.replace(decision, inputs='{"more":1,' + decision.inputs[1:])
    assert rederive(newer) == newer
