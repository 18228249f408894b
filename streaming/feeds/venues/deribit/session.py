"""The requests sent to Deribit: log-in and its refresh, heartbeats, subscriptions. Pure.

A connection's requests are handled in order, so log-in, heartbeat and subscription go out one
behind the other. Replies carry the id of their request.
"""

import json
from collections.abc import Iterable

from streaming.feeds.decoding import Request

AUTH, HEARTBEAT, SUBSCRIBE, REFRESH, TEST, RESUBSCRIBE = range(1, 7)
REFRESH_AT = 0.8  # of a token's life


def request_text(number: int, method: str, **params: object) -> str:
    """One request's text."""
    body = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
    return json.dumps(body, separators=(",", ":"))


def opening_requests(
    channels: Iterable[str], *, heartbeat_s: int, key: str = "", secret: str = ""
) -> tuple[str, ...]:
    """The first requests: log in (if there is a key), ask for heartbeats, subscribe."""
    texts = [
        request_text(HEARTBEAT, "public/set_heartbeat", interval=max(10, heartbeat_s)),
        request_text(SUBSCRIBE, "public/subscribe", channels=list(channels)),
    ]
    if key:
        grant = {"grant_type": "client_credentials", "client_id": key, "client_secret": secret}
        texts.insert(0, request_text(AUTH, "public/auth", **grant))
    return tuple(texts)


def refresh(refresh_token: str, *, expires_in_s: int) -> Request:
    """The log-in's renewal, due before the token ends."""
    text = request_text(
        REFRESH, "public/auth", grant_type="refresh_token", refresh_token=refresh_token
    )
    return Request(text, after_s=max(1.0, expires_in_s * REFRESH_AT))


def heartbeat_answer() -> Request:
    """The answer to a test request; without it the server closes the connection."""
    return Request(request_text(TEST, "public/test"))


def resubscribe(channel: str) -> tuple[Request, Request]:
    """Leave a channel and subscribe to it again, for a new snapshot."""
    return (
        Request(request_text(RESUBSCRIBE, "public/unsubscribe", channels=[channel])),
        Request(request_text(RESUBSCRIBE, "public/subscribe", channels=[channel])),
    )
