"""Every address that a venue documents answers, or is refused in the venue's words.

Which addresses there are is ccxt's list: its own, not the simulator's.
"""

import re
from collections.abc import Iterator
from typing import Any

import ccxt
import pytest

from include.settings import load
from streaming.simulator.__main__ import make_application
from tests.support.simulated_venues import KEYS, simulated_venues

METHODS = ("get", "post", "put", "delete", "patch")
# by ccxt's name: the words of an address that does not exist
UNKNOWN = {
    "binance": "-5000",
    "deribit": "-32601",
    "gemini": "EndpointNotFound",
    "bitstamp": "Not found",
    "coinbaseexchange": "NotFound",
    "kraken": "Unknown method",
}
EXAMPLES = dict.fromkeys(("currency_pair", "pair", "market", "symbol"), "btcusd")
EXAMPLES |= {"id": "BTC-USD", "currency": "btc"}
# of ccxt's list, but gone from the venues' documents; and a page, not JSON
_DERIBIT_GONE = """
    disable_tfa_for_subaccount get_last_block_trades_by_currency get_portfolio_margins
    get_stop_order_history set_api_key_as_default set_password_for_subaccount
"""
GONE = {f"/api/v2/private/{name}" for name in _DERIBIT_GONE.split()} | {
    "/products/spark-lines",
    "/",
}


def read_addresses(venue: str) -> Iterator[tuple[str, str]]:
    """Method and path of each."""
    exchange = getattr(ccxt, venue)()
    urls = exchange.urls["api"]
    for section, rows in exchange.api.items():
        if venue == "kraken" and section == "zendesk":
            continue
        for method, scope, path in _rows(section, rows):
            yield method, _prefix(venue, urls, section, scope) + fill(path)


def _rows(section: str, rows: Any) -> Iterator[tuple[str, str, str]]:
    for key, below in rows.items():
        if key in METHODS:
            for path in below:
                yield key, section, path
        else:
            yield from _rows(key, below)


def _prefix(venue: str, urls: Any, section: str, scope: str) -> str:
    match venue:
        case "binance":
            return str(re.sub(r"https://[^/]*", "", urls[section])) + "/"
        case "deribit":
            return f"/api/v2/{scope}/"
        case "gemini":
            return "/"
        case "bitstamp":
            return "/api/v2/"
        case "kraken":
            return f"/0/{scope}/"
    return "/"


def fill(path: str) -> str:
    """A path with its parts in braces filled in."""
    return re.sub(r"\{(\w+)\}", lambda part: EXAMPLES.get(part[1], "1"), path)


@pytest.mark.parametrize("venue", UNKNOWN)
async def test_each_documented_address_is_served_or_refused_but_not_unknown(venue: str) -> None:
    addresses = {row for row in read_addresses(venue) if row[1] not in GONE}
    unknown = list[Any]()
    async with simulated_venues() as (session, base):
        for method, path in sorted(addresses):
            async with session.request(method, base + path) as reply:
                text, is_json = await reply.text(), reply.content_type == "application/json"
            if not is_json or UNKNOWN[venue] in text:
                unknown.append((method, path, text[:60]))
    assert len(addresses) > 30 and unknown == []


REFUSED = {
    ("POST", "/api/v2/balance/"): (403, "reason", "Missing key, signature and nonce parameters"),
    ("POST", "/api/v2/eth_withdrawal/"): (403, "code", "API0000"),
    ("GET", "/withdrawals/fee-estimate"): (401, "message", "CB-ACCESS-KEY header is required"),
    ("POST", "/0/private/AddOrder"): (200, "error", ["EAPI:Invalid key"]),
    ("POST", "/sapi/v1/capital/withdraw/apply"): (400, "code", -1020),
    ("GET", "/fapi/v2/account"): (400, "code", -1020),
    ("GET", "/sapi/v1/nosuch"): (404, "code", -5000),
    ("PUT", "/sapi/v1/asset/tradeFee"): (404, "code", -5000),
    ("GET", "/API/v3/time"): (404, "code", -5000),
    ("POST", "/stream"): (404, "code", -5000),
    ("DELETE", "/api/v2"): (400, "jsonrpc", "2.0"),
    ("GET", "/V1/symbols"): (404, "reason", "EndpointNotFound"),
    ("GET", "/stats/rate/limit"): (200, "Message", "Path does not exist"),
}


@pytest.mark.parametrize("address", REFUSED, ids=str)
async def test_what_is_not_simulated_is_refused_as_its_venue_does(address: tuple[str, str]) -> None:
    status, name, expected = REFUSED[address]
    async with simulated_venues() as (session, base):
        async with session.request(address[0], base + address[1]) as reply:
            assert (reply.status, (await reply.json())[name]) == (status, expected)


async def test_what_answers_get_answers_head_without_a_body() -> None:
    routes = make_application(load(KEYS)).router.routes()
    paths = {
        route.resource.canonical
        for route in routes
        if route.resource and route.method == "GET" and "{" not in route.resource.canonical
    }
    faults = list[Any]()
    async with simulated_venues() as (session, base):
        for path in sorted(paths - {"/healthz"}):
            async with session.get(base + path) as reply:
                expected = reply.status, reply.content_type
            async with session.head(base + path) as reply:
                if (reply.status, reply.content_type, await reply.read()) != (*expected, b""):
                    faults.append((path, expected, reply.status))
    assert len(paths) > 100 and faults == []
