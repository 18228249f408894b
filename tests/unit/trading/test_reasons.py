"""Every reason code: used by the product, explained in one sentence, and listed for documents."""

import ast

import msgspec
import pytest

from include.settings import ROOT
from include.trading.inputs import SeenForecast
from include.trading.reasons import OrderReason, Reason, parse_reasons, reasons_as_markdown

ROOMS = ("include/trading", "streaming/trader")


def reasons_used(name: str) -> set[str]:
    """The members of this enumeration that product code names, reasons.py apart."""
    return {
        node.attr
        for room in ROOMS
        for path in (ROOT / room).rglob("*.py")
        if path.name != "reasons.py"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == name
    }


def test_every_reason_is_raised_by_the_product() -> None:
    assert reasons_used("Reason") == {reason.name for reason in Reason}
    assert reasons_used("OrderReason") == {reason.name for reason in OrderReason}


@pytest.mark.parametrize("reason", [*Reason, *OrderReason])
def test_a_reason_has_the_code_of_its_name_and_one_sentence(reason: Reason | OrderReason) -> None:
    assert str(reason) == reason.name.lower()
    assert reason.sentence[0].isupper()
    assert reason.sentence.endswith(".")
    assert ". " not in reason.sentence


def test_reasons_travel_as_their_codes() -> None:
    seen = SeenForecast(fault=Reason.FORECAST_DAMAGED)
    text = msgspec.json.encode(seen)
    assert b'"fault":"forecast_damaged"' in text
    assert msgspec.json.decode(text, type=SeenForecast) == seen
    assert parse_reasons("halted,gap_open") == [Reason.HALTED, Reason.GAP_OPEN]
    assert parse_reasons("buy") == []


def test_the_list_for_documents_has_every_reason_once() -> None:
    rows = reasons_as_markdown().splitlines()[2:]
    assert [row.split("`")[1] for row in rows] == [str(reason) for reason in Reason]
    assert all(reason.sentence in row for reason, row in zip(Reason, rows, strict=True))
