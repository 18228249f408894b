"""Addresses that no route serves: refused in the words of the venue whose they seem to be."""

import re

from aiohttp import web
from aiohttp.typedefs import Handler

from streaming.simulator.binance_parameters import BinanceError
from streaming.simulator.binance_paths import is_path, is_unsupported, refuse_path
from streaming.simulator.binance_unsupported import refuse_unsupported
from streaming.simulator.supplier_accounts import SUPPLIER_REFUSALS

_NO_PATH, _NO_METHOD = 404, 405
_GEMINI: dict[str, object] = {
    "result": "error",
    "reason": "EndpointNotFound",
    "message": "API entry point not found",
}
_DERIBIT: dict[str, object] = {  # by another HTTP method than GET and POST
    "jsonrpc": "2.0",
    "error": {"code": -32600, "message": "Invalid Request"},
}
_BITSTAMP: dict[str, object] = {"status": "error", "reason": "Not found", "code": "404.002"}
_CRYPTOCOMPARE: dict[str, object] = {
    "Response": "Error",
    "Message": "Path does not exist",
    "Type": 1,
    "Data": {},
}
_COINBASE: dict[str, object] = {"message": "NotFound"}
# the first whose pattern is that of the path in small letters: status and body
_REFUSALS: tuple[tuple[str, int, dict[str, object]], ...] = (
    ("/api/v2/(?:(?:public|private)/.*)?|/ws/api/v2/.*", 400, _DERIBIT),
    ("/api/v2/.*", 404, _BITSTAMP),
    ("/0/.*", 404, {"error": ["EGeneral:Unknown method"]}),
    ("/(?:data|stats)/.*", 200, _CRYPTOCOMPARE),
    ("/v[12]/.*", 404, _GEMINI),
)


@web.middleware
async def refuse_unknown_path(request: web.Request, handler: Handler) -> web.StreamResponse:
    """The middleware that answers what no route serves, or not by this HTTP method."""
    unknown = request.match_info.http_exception
    if unknown is None or unknown.status not in (_NO_PATH, _NO_METHOD):
        return await handler(request)
    status, body = _refusal_of(request.path, request.method, unknown.status)
    return web.json_response(body, status=status)


def _refusal_of(path: str, method: str, unknown: int) -> tuple[int, dict[str, object]]:
    """Status and body, whatever the letters' case and the slashes at both ends."""
    if unknown == _NO_PATH:
        for refusal in SUPPLIER_REFUSALS:
            if refusal.paths.fullmatch(path):
                return refusal.status, refusal.body
        if is_unsupported(path):
            return _binance(refuse_unsupported(path))
    plain = f"/{path.strip('/').lower()}/"
    for pattern, status, body in _REFUSALS:
        if re.fullmatch(pattern, plain):
            return status, body
    if is_path(plain):
        return _binance(refuse_path(path, method))
    # Coinbase's addresses are those without a name in front
    return 404, _COINBASE


def _binance(refusal: BinanceError) -> tuple[int, dict[str, object]]:
    return refusal.status, refusal.body()
