"""How the simulated suppliers read parameters, and the words each refuses with. Pure.

Source: docs.cdp.coinbase.com/exchange, bitstamp.net/api, docs.kraken.com.
"""

import re
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime

from aiohttp import web

PAIRS = {"BTCUSD": "BTC-USD", "BTCEUR": "BTC-EUR"}
# by supplier: the words of its rate limit
OVER_LIMIT: dict[str, dict[str, object]] = {
    "coinbase": {"message": "Public rate limit exceeded"},
    "bitstamp": {"status": "error", "reason": "Request rate limit exceeded", "code": "400.002"},
    "kraken": {"error": ["EGeneral:Too many requests"]},
    "cryptocompare": {
        "Response": "Error",
        "Message": "You are over your rate limit please upgrade your account!",
        "HasWarning": False,
        "Type": 99,
        "RateLimit": {},
        "Data": {},
    },
    "gemini": {
        "result": "error",
        "reason": "RateLimit",
        "message": "Requests were made too frequently.",
    },
}
_Refusal = Callable[[str, str], "SupplierError"]


class SupplierError(Exception):
    """An error reply: HTTP status and the JSON that the supplier refuses with."""

    def __init__(self, status: int, body: dict[str, object]) -> None:
        super().__init__(str(body))
        self.status, self.body = status, body


def refuse_coinbase(name: str, text: str) -> SupplierError:
    """Coinbase's refusal of a parameter."""
    return SupplierError(400, {"message": f"{name} '{text}' is not valid"})


def refuse_bitstamp(name: str, text: str) -> SupplierError:
    """Bitstamp's refusal of a parameter."""
    message = f"Select a valid choice. {text} is not one of the available choices."
    field_error = {"field": name, "message": message, "code": ""}
    return SupplierError(400, {"code": "Invalid parameter", "errors": [field_error]})


def refuse_kraken(_name: str, _text: str) -> SupplierError:
    """Kraken's refusal of a parameter: with status 200."""
    return SupplierError(200, {"error": ["EGeneral:Invalid arguments"]})


def refuse_cryptocompare(message: str, param: str = "") -> SupplierError:
    """CryptoCompare's refusal, with status 200."""
    named = {"ParamWithError": param} if param else {}
    body = {"Response": "Error", "Message": message, "HasWarning": False, "Type": 2 - (not param)}
    return SupplierError(200, {**body, "RateLimit": {}, "Data": {}, **named})


def refuse_cryptocompare_number(name: str, _text: str) -> SupplierError:
    """CryptoCompare's refusal of a parameter's value."""
    return refuse_cryptocompare(f"{name} param is invalid.", name)


def read_cryptocompare_query(request: web.Request, *required: str) -> Mapping[str, str]:
    """A request's parameters; its key is in a header or one of them.

    Raises:
        SupplierError: there is no key, or none of a parameter that it needs.
    """
    has_header = request.headers.get("Authorization", "").startswith("Apikey ")
    if not has_header and not request.query.get("api_key"):
        refusal = {"type": 2, "message": "API key required", "http_status_code": 401}
        raise SupplierError(401, {"Data": {}, "Err": refusal})
    for name in required:
        if not request.query.get(name):
            raise refuse_cryptocompare(f"{name} is a required param.", name)
    return request.query


def read_kraken_pairs(request: web.Request) -> list[str]:
    """The pairs of a query, separated by commas; all, where there is none.

    Raises:
        SupplierError: there is no such pair.
    """
    texts = request.query.get("pair", "")
    return [_kraken_pair(text) for text in texts.split(",")] if texts else list(PAIRS)


def _kraken_pair(text: str) -> str:
    pair = text.replace("XXBTZ", "XBT").replace("/", "").replace("XBT", "BTC")
    if pair not in PAIRS:
        raise SupplierError(200, {"error": ["EQuery:Unknown asset pair"]})
    return pair


def read_pair(request: web.Request) -> str:
    """The pair of a path or a query, as `BTCUSD`.

    Raises:
        SupplierError: there is no such pair, in the words of the supplier of the path.
    """
    if request.path.startswith("/0/"):
        return _kraken_pair(request.query.get("pair", ""))
    if request.path.startswith("/products"):
        names = {name: pair for pair, name in PAIRS.items()}
        pair = names.get(request.match_info["pair"], "")
        refusal = SupplierError(404, {"message": "NotFound"})
    else:
        pair = request.match_info["pair"].upper()
        refusal = SupplierError(404, {"status": "error", "reason": "Invalid pair"})
    if pair not in PAIRS:
        raise refusal
    return pair


def read_number(
    request: web.Request, name: str, otherwise: int, choices: Collection[int], refuse: _Refusal
) -> int:
    """A whole number of a query, one of `choices`."""
    text = request.query.get(name, str(otherwise))
    if not re.fullmatch(r"\d{1,20}", text, re.ASCII) or int(text) not in choices:
        raise refuse(name, text)
    return int(text)


def read_word(
    request: web.Request, name: str, otherwise: str, choices: Collection[str], refuse: _Refusal
) -> str:
    """A word of a query, one of `choices`."""
    text = request.query.get(name, otherwise)
    if text not in choices:
        raise refuse(name, text)
    return text


def read_date_s(request: web.Request, name: str, otherwise: int) -> int:
    """Coinbase's times: seconds, or ISO 8601; in seconds."""
    text = request.query.get(name, str(otherwise))
    if re.fullmatch(r"\d{1,10}", text, re.ASCII):
        return int(text)
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise refuse_coinbase(name, text) from None
    return int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp())
