"""Addresses that no venue has: refused in the words of the venue whose address it seems to be."""

from aiohttp import web
from aiohttp.typedefs import Handler

from streaming.simulator.binance_rest import refuse_path

_NOT_SERVED = (404, 405)
_GEMINI: dict[str, object] = {
    "result": "error",
    "reason": "EndpointNotFound",
    "message": "API entry point not found",
}
_DERIBIT: dict[str, object] = {  # by another HTTP method than GET and POST
    "jsonrpc": "2.0",
    "error": {"code": -32600, "message": "Invalid Request"},
}
_COINBASE: dict[str, object] = {"message": "NotFound"}
_NO_COINBASE_KEY: dict[str, object] = {"message": "CB-ACCESS-KEY header is required"}
# the first that a path begins with: status and body; accounts of suppliers have no key here
_REFUSALS: tuple[tuple[str, int, dict[str, object]], ...] = (
    *((f"/api/v2/{scope}/", 400, _DERIBIT) for scope in ("public", "private")),
    ("/api/v2/", 404, {"status": "error", "reason": "Not found", "code": "404.002"}),
    ("/0/private/", 200, {"error": ["EAPI:Invalid key"]}),
    ("/0/", 404, {"error": ["EGeneral:Unknown method"]}),
    ("/data/", 200, {"Response": "Error", "Message": "Path does not exist", "Type": 1, "Data": {}}),
    ("/v1/", 404, _GEMINI),
    ("/v2/", 404, _GEMINI),
    *(
        (path, 401, _NO_COINBASE_KEY)
        for path in ("/accounts", "/fees", "/fills", "/orders", "/profiles", "/transfers", "/users")
    ),
)


@web.middleware
async def refuse_unknown_path(request: web.Request, handler: Handler) -> web.StreamResponse:
    """The middleware that answers what no route serves."""
    unknown = request.match_info.http_exception
    if unknown is None or unknown.status not in _NOT_SERVED:
        return await handler(request)
    for start, status, body in _REFUSALS:
        if request.path.startswith(start):
            return web.json_response(body, status=status)
    # Coinbase's addresses are those without a name in front
    return refuse_path(request.path, request.method) or web.json_response(_COINBASE, status=404)
