"""Addresses that no venue has: refused in the words of the venue whose address it seems to be."""

from aiohttp import web
from aiohttp.typedefs import Handler

from streaming.simulator.binance_rest import refuse_path

_NOT_SERVED = (404, 405)


@web.middleware
async def refuse_unknown_path(request: web.Request, handler: Handler) -> web.StreamResponse:
    """The middleware that answers what no route serves."""
    unknown = request.match_info.http_exception
    if unknown is None or unknown.status not in _NOT_SERVED:
        return await handler(request)
    return refuse_path(request.path, request.method) or await handler(request)
