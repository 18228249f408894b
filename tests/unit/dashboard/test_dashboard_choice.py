"""What an address asks for, and that a choice's address gives the same choice again."""

from urllib.parse import parse_qs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.errors import QueryError
from streaming.dashboard.choice import (
    PRESETS_S,
    RANGES,
    Choice,
    Span,
    format_address,
    make_span,
    parse_choice,
    parse_symbols,
)

NOW_S = 1_764_150_000  # 2025-11-26 09:40 UTC
DEFAULT = Choice(("BTC-USD",), 30)
ACCOUNTS = {"main": "BTC-USD", "second": "ETH-USD"}


def parse(query: str) -> Choice:
    address = {name: [text.encode() for text in texts] for name, texts in parse_qs(query).items()}
    return parse_choice(address, DEFAULT, now_s=NOW_S, symbol_by_account=ACCOUNTS)


def test_an_empty_address_is_the_default() -> None:
    assert parse("") == DEFAULT
    assert format_address(DEFAULT, DEFAULT) == ""


def test_an_account_brings_its_symbol_and_is_in_the_address() -> None:
    assert parse("account=second") == Choice(("ETH-USD",), 30, account="second")
    both = parse("account=second&symbol=SOL-USD,ETH-USD")
    assert (both.symbols, both.account) == (("SOL-USD", "ETH-USD"), "second")
    assert parse(format_address(both, DEFAULT)) == both
    with pytest.raises(QueryError, match="account=third is none of main, second"):
        parse("account=third")


def test_times_symbols_and_minutes_are_read() -> None:
    chosen = parse("from=2025-11-20T08:00&to=2025-11-21T09:30:00Z&symbol=eth-usd,BTC-USD")
    assert chosen.symbols == ("ETH-USD", "BTC-USD")
    assert chosen.span == Span(1_763_625_600, 1_763_717_400)  # by `date -u -d … +%s`
    assert parse("minutes=120").minutes == 120
    assert parse("to=2025-11-21").span == Span(1_763_683_200 - 86_400, 1_763_683_200)
    assert parse("from=2025-11-26T09:00").span == Span(1_764_147_600, NOW_S)


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("from=yesterday", "from=yesterday is not a time such as 2026-11-21T08:00"),
        ("to=2025-13-01", "to=2025-13-01 is not a time"),
        ("from=1999-01-01", "from=1999-01-01 is not between the years 2000 and 2100"),
        ("to=9999-12-31T23:59:59-23:59", "to=9999-12-31T23:59:59-23:59 is not a time"),
        ("from=2025-11-21&to=2025-11-20", "from=2025-11-21 is not before to=2025-11-20T00:00"),
        ("from=2030-01-01", "from=2030-01-01 is not before to=2025-11-26T09:40"),
        ("symbol=<script>", "symbol=<SCRIPT> is no symbol such as BTC-USD"),
        ("symbol=A-B,C-D,E-F,G-H,I-J,K-L,M-N", "symbol names 7 symbols, and 6 at most fit"),
        ("minutes=31", "minutes=31 is none of 15, 30, 60, 120"),
    ],
)
def test_what_is_wrong_is_one_sentence(query: str, sentence: str) -> None:
    with pytest.raises(QueryError, match="^.*" + sentence.replace("+", r"\+")):
        parse(query)


@given(st.integers(946_684_800, 4_102_444_799), st.integers(0, 10**9), st.sampled_from(RANGES))
def test_the_address_of_a_choice_gives_it_again(start_s: int, length_s: int, minutes: int) -> None:
    span = make_span(start_s, start_s + length_s)
    for choice in (
        Choice(("ETH-USD", "BTC-USD"), DEFAULT.minutes, span),
        Choice(("BTC-PERPETUAL",), minutes),
    ):
        assert parse(format_address(choice, DEFAULT)) == choice


def test_a_span_of_any_length_has_some_thousand_points_at_most() -> None:
    for length_s in (600, 7200, *PRESETS_S.values()):
        span = make_span(NOW_S - length_s, NOW_S)
        assert 1 <= span.length_s / span.step_s <= 1500
        assert span.step_s % 60 == 0
    month = make_span(NOW_S - 30 * 86_400, NOW_S)
    assert month.length_s / month.step_s >= 700, "and enough to see something"


def test_a_span_moves_and_zooms_about_its_middle() -> None:
    span = Span(NOW_S - 7200, NOW_S)
    assert span.move_by(-0.5) == Span(NOW_S - 10_800, NOW_S - 3600)
    assert span.scale_by(2.0) == Span(NOW_S - 10_800, NOW_S + 3600)
    assert span.scale_by(0.001).length_s >= 600, "not closer than ten minutes"
    assert make_span(0, 1).start_s == 946_684_800
    assert make_span(5e9, 6e9).end_s <= 4_102_444_800


@pytest.mark.parametrize(
    ("text", "symbol"),
    [
        ("xrp_usdc-30jun26-0d605-c", "XRP_USDC-30JUN26-0d605-C"),
        ("XRP_USDC-30JUN26-12d5-P", "XRP_USDC-30JUN26-12d5-P"),
        ("btc-25dec26-100000-c", "BTC-25DEC26-100000-C"),
        ("3d3-usd", "3D3-USD"),
    ],
)
def test_a_strike_keeps_its_decimal_point(text: str, symbol: str) -> None:
    assert parse_symbols(text) == (symbol,)
