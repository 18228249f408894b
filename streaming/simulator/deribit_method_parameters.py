"""The parameters that the simulated Deribit's methods take. Pure.

Source: docs.deribit.com, API reference (to 2026-02-24).
"""

from typing import Any

from streaming.simulator import deribit_answers as public
from streaming.simulator import deribit_market as market
from streaming.simulator import deribit_parameters as p
from streaming.simulator.deribit_parameters import MethodParam

NOT_SIMULATED = (10033, "not_implemented")
NAME = MethodParam("instrument_name", p.read_text, market.INSTRUMENT, mandatory=True)
MAYBE_NAME = MethodParam("instrument_name", p.read_text, market.INSTRUMENT)
CURRENCY = MethodParam("currency", p.read_choice(*p.CURRENCIES, "any"), "BTC", mandatory=True)
MAYBE_CURRENCY = MethodParam("currency", p.read_choice(*p.CURRENCIES, "any"), "BTC")
KIND = MethodParam("kind", p.read_choice(*p.KINDS), "future")
INDEX = MethodParam("index_name", p.read_text, public.INDEX, mandatory=True)
COUNT = MethodParam("count", p.read_count(1000), 5)
OFFSET = MethodParam("offset", p.read_whole, 0)
SORTING = MethodParam("sorting", p.read_choice("asc", "desc", "default"), "asc")
SPAN = (
    MethodParam("start_timestamp", p.read_whole, 1_700_000_000_000, mandatory=True),
    MethodParam("end_timestamp", p.read_whole, 1_700_003_600_000, mandatory=True),
)
MAYBE_SPAN = tuple(MethodParam(span.name, p.read_whole, span.example) for span in SPAN)
SEQ = tuple(MethodParam(name, p.read_whole, 1000) for name in ("start_seq", "end_seq"))
IDS = tuple(MethodParam(name, p.read_text, "90001000") for name in ("start_id", "end_id"))
DEPTHS = ("1", "5", "10", "20", "50", "100", "1000", "10000")


def read_depth(name: str, value: Any) -> int:
    """How many levels of a book."""
    return int(p.read_choice(*DEPTHS)(name, str(value)))


DEPTH = MethodParam("depth", read_depth, 10)
RESOLUTIONS = ("1", "3", "5", "10", "15", "30", "60", "120", "180", "360", "720", "1D")


def read_resolution(name: str, value: Any) -> str:
    """The length of a candle, in minutes or `1D`."""
    return p.read_choice(*RESOLUTIONS)(name, str(value))


CHANNELS = MethodParam("channels", p.read_texts, ["ticker.BTC-PERPETUAL.100ms"], mandatory=True)
LABEL = MethodParam("label", p.read_text, "test")
AUTH = (
    MethodParam(
        "grant_type",
        p.read_choice("client_credentials", "client_signature", "refresh_token"),
        "client_credentials",
        mandatory=True,
    ),
    *(
        MethodParam(name, p.read_text, "test")
        for name in ("client_id", "client_secret", "refresh_token", "signature", "nonce", "data")
    ),
    MethodParam("timestamp", p.read_whole, 1),
    *(MethodParam(name, p.read_text, "test") for name in ("state", "scope")),
)
SETTLEMENTS = (
    MethodParam("type", p.read_choice("settlement", "delivery", "bankruptcy"), "settlement"),
    MethodParam("count", p.read_count(1000), 5),
    MethodParam("continuation", p.read_text, "none"),
    MethodParam("search_start_timestamp", p.read_whole, 1_700_000_000_000),
)


def read_page(name: str, value: Any) -> int:
    """Where a page begins: `none` is the first one."""
    return 0 if value == "none" else p.read_whole(name, value)


def read_currencies(name: str, value: Any) -> list[str]:
    """One currency, or a list of them."""
    read = p.read_choice(*p.CURRENCIES, "any")
    return [read(name, currency) for currency in (value if isinstance(value, list) else [value])]


DETAILED = MethodParam("detailed", p.read_boolean, False)

HISTORICAL = MethodParam("historical", p.read_boolean, False)
ACCOUNT_ID = MethodParam("subaccount_id", p.read_account_id, p.ACCOUNT_ID)
OWN_TRADES = (HISTORICAL, ACCOUNT_ID)
HISTORY = (
    COUNT,
    OFFSET,
    *(MethodParam(name, p.read_boolean, True) for name in ("include_old", "include_unfilled")),
    HISTORICAL,
    MethodParam(
        "with_continuation", p.read_boolean, True, refusal=NOT_SIMULATED, harmless=(False,)
    ),
    MethodParam("continuation", p.read_text, "12", refusal=NOT_SIMULATED, harmless=("none",)),
)
SCOPE = MethodParam("scope", p.read_choice("connection", "account"), "connection")
