"""Serves the simulated Gemini's REST from the table of its calls, within the limits.

Source: docs.gemini.com, "Rate limits", "Error codes".
"""

import json
from collections.abc import Awaitable, Callable

from aiohttp import web

from streaming.simulator.gemini_account import GeminiAccount
from streaming.simulator.gemini_calls import CALLS, UNSUPPORTED, GeminiCall
from streaming.simulator.gemini_pairs import web_page_data
from streaming.simulator.gemini_parameters import GeminiError, read_values
from streaming.simulator.gemini_public_answers import GeminiVenue
from streaming.simulator.gemini_signing import GeminiSigning
from streaming.simulator.limits import Throttle
from streaming.simulator.routing import add_call

PUBLIC_PER_MINUTE, PRIVATE_PER_MINUTE = 120, 600
_ACCOUNT = "primary"  # the one that there is
_WEB_PAGE = '<html><script id="currencyData">{}</script></html>'


class GeminiRouter:
    """Answers every address of the table."""

    def __init__(self, venue: GeminiVenue, account: GeminiAccount, signing: GeminiSigning) -> None:
        self._venue, self._account, self._signing = venue, account, signing
        self._limits = {
            signed: Throttle(per_minute=per_minute, clock=account.clock)
            for signed, per_minute in ((False, PUBLIC_PER_MINUTE), (True, PRIVATE_PER_MINUTE))
        }

    def add_to(self, app: web.Application) -> None:
        """Serve under Gemini's own paths."""
        for call in CALLS + UNSUPPORTED:
            add_call(app, call.method, call.path, self._endpoint(call))

    async def web_page(self, _request: web.Request) -> web.Response:
        """Serve the exchange's page, where clients read precisions."""
        return web.Response(
            text=_WEB_PAGE.format(json.dumps(web_page_data())), content_type="text/html"
        )

    def _endpoint(self, call: GeminiCall) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def serve(request: web.Request) -> web.Response:
            if refusal := await self._limits[call.signed].refusal():
                return refusal
            try:
                return web.json_response(self._answer(call, request))
            except GeminiError as refused:
                return web.json_response(refused.body(), status=refused.status)

        return serve

    def _answer(self, call: GeminiCall, request: web.Request) -> object:
        sent_values = (
            self._signing.read_payload(request.headers, request.path)
            if call.signed
            else request.query
        )
        values = read_values(call.params, {**sent_values, **request.match_info}, signed=call.signed)
        if call.signed:
            if sent_values.get("account", _ACCOUNT) != _ACCOUNT:
                message = f"Account {sent_values['account']!r} is not of this group"
                raise GeminiError(400, "InvalidAccountName", message)
            return call.answer(self._account, values)
        return call.answer(
            self._venue[values["symbol"]] if "symbol" in values else self._venue, values
        )
