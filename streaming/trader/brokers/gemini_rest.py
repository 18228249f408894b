"""Gemini's private REST: signed calls, and what a failed one means.

Source: docs.gemini.com, "Private API Invocation", "Error Codes". A call without an answer, or
with one of 429 and above, may have been carried out: it raises Transient and is never repeated
here. Keys appear in headers only.
"""

import base64
import hashlib
import hmac
import http.client
import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from include.errors import OrderRefused, RateLimited, TickhouseError, Unreachable
from include.rate_limiter import RateLimiter
from include.redirects import NoRedirect
from include.setting_fields import Secret

TIMEOUT_S = 10.0
NONCE_TRIES = 3
MAX_CALLS = 5  # a second; Gemini's advice for private calls, its limit is 600 a minute
_WAIT, _FAULT = {429, 503}, 429
_MAX_WAIT_S = 3600.0  # of what a venue asks for
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}), NoRedirect)


def sign_payload(request_fields: dict[str, Any], secret: Secret) -> tuple[str, str]:
    """The payload (base64 of the JSON) and its signature (hex HMAC-SHA384 of the payload)."""
    text = json.dumps(request_fields, separators=(",", ":"))
    payload = base64.b64encode(text.encode()).decode()
    return payload, sign_base64(payload, secret)


def sign_base64(payload_base64: str, secret: Secret) -> str:
    """The hex HMAC-SHA384 of a payload as it is sent."""
    return hmac.new(secret.reveal().encode(), payload_base64.encode(), hashlib.sha384).hexdigest()


class GeminiRest:
    """Calls private endpoints one at a time; `next_nonce` gives ever greater whole numbers."""

    def __init__(
        self,
        base: str,
        *,
        key: Secret,
        secret: Secret,
        next_nonce: Callable[[], int],
        limiter: RateLimiter | None = None,
    ) -> None:
        """`base` is scheme and host, with any path that stands before `/v1`."""
        self._limiter = limiter or RateLimiter(MAX_CALLS, within_s=1.0)
        self._base, self._key, self._secret = base.rstrip("/"), key, secret
        self._next_nonce = next_nonce

    def get_public(self, path: str) -> bytes:
        """The body of an unsigned GET.

        Raises:
            OrderRefused: Gemini knows no such path.
            RateLimited: it asked us to wait.
            Unreachable: no answer.
        """
        time.sleep(self._limiter.claim(time.monotonic()))
        return _read(urllib.request.Request(self._base + path), path)

    def call(self, path: str, **call_fields: Any) -> Any:
        """The decoded reply; numbers with a point are Decimal.

        Raises:
            OrderRefused: Gemini refused for good; `reason` is Gemini's.
            RateLimited: it asked us to wait; whether it acted is not known.
            Unreachable: no answer or a broken one; whether it acted is not known.
        """
        for tries_remaining in reversed(range(NONCE_TRIES)):
            try:
                return self._call_once(path, call_fields)
            except OrderRefused as refused:
                if refused.reason != "InvalidNonce" or not tries_remaining:
                    raise
        raise AssertionError("unreachable")

    def _call_once(self, path: str, call_fields: dict[str, Any]) -> Any:
        time.sleep(self._limiter.claim(time.monotonic()))
        request_fields = {"request": path, "nonce": self._next_nonce(), **call_fields}
        payload, signature_hex = sign_payload(request_fields, self._secret)
        headers = {
            "Content-Type": "text/plain",
            "Cache-Control": "no-cache",
            "X-GEMINI-APIKEY": self._key.reveal(),
            "X-GEMINI-PAYLOAD": payload,
            "X-GEMINI-SIGNATURE": signature_hex,
        }
        request = urllib.request.Request(
            self._base + path, data=b"", headers=headers, method="POST"
        )
        return _decode(_read(request, path), path)


def _read(request: urllib.request.Request, path: str) -> bytes:
    try:
        with _DIRECT.open(request, timeout=TIMEOUT_S) as reply:
            return bytes(reply.read())
    except urllib.error.HTTPError as error:
        raise _error_of(error, path) from None
    except (OSError, http.client.HTTPException) as error:
        raise Unreachable(f"Gemini {path}: no answer: {type(error).__name__}") from None


def _decode(body: bytes, path: str) -> Any:
    try:
        return json.loads(body, parse_float=Decimal)
    except ValueError:
        raise Unreachable(f"Gemini {path}: the answer is not JSON ({len(body)} bytes)") from None


def _error_of(error: urllib.error.HTTPError, path: str) -> TickhouseError:
    """The error that a reply other than 200 stands for."""
    with error:
        try:
            body = json.loads(error.read())
        except (ValueError, OSError, http.client.HTTPException):
            body = {}
    details = body if isinstance(body, dict) else {}
    code = details.get("reason") or details.get("error")
    reason = str(code or f"Http{error.code}")
    text = f"Gemini {path}: {error.code} {reason}"
    if error.code in _WAIT:
        wait_text = error.headers.get("Retry-After", "1")
        is_number = wait_text.isascii() and wait_text.isdecimal()
        return RateLimited(text, min(float(wait_text), _MAX_WAIT_S) if is_number else 1.0)
    if error.code > _FAULT or not code:  # without a reason it is not Gemini that answers
        return Unreachable(text)
    return OrderRefused(reason, str(details.get("message", ""))[:200])
