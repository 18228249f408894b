"""Amounts longer than the 28 digits that Decimal computes with by itself stay exact."""

from decimal import Decimal as D

from include.trading.money import normalize, round_down, round_half_even, round_up

LONG = D("1234567890123456789012345678901")


def test_a_long_amount_is_rounded_without_losing_a_digit() -> None:
    assert round_down(LONG, D(1)) == LONG
    assert round_half_even(D(f"{LONG}.123456785")) == D(f"{LONG}.12345678")
    assert round_down(D(f"{LONG}.123456789"), D("0.01")) == D(f"{LONG}.12")
    assert round_up(D(f"{LONG}.123456789"), D("0.01")) == D(f"{LONG}.13")


def test_equal_amounts_are_equal_texts_however_long() -> None:
    assert str(normalize(D(f"{LONG}.00"))) == str(LONG)
    assert str(normalize(D(f"{LONG}.50"))) == f"{LONG}.5"
    assert str(normalize(D("1E+3"))) == "1000"
