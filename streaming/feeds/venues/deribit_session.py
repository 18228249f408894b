"""What is said to Deribit: log-in and its refresh, heartbeats, subscriptions. Pure.

A connection's requests are handled in order, so log-in, heartbeat and subscription go out one
behind the other. Ids tell which reply is to what.
"""

import json
from collections.abc import Iterable

from streaming.feeds.decoded import Send

AUTH, HEARTBEAT, SUBSCRIBE, REFRESH, TEST, AGAIN = range(1, 7)
REFRESH_AT = 0.8  # of a token's life


def request(number: int, method: str, **params: object) -> str:
    """One request's text."""
    body = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
    return json.dumps(body, separators=(",", ":"))


def opening(
    channels: Iterable[str], *, heartbeat_s: int, key: str = "", secret: str = ""
) -> tuple[str, ...]:
    """What is said first: log in (if there is a key), ask for heartbeats, subscribe."""
    texts = [
        request(HEARTBEAT, "public/set_heartbeat", interval=max(10, heartbeat_s)),
        request(SUBSCRIBE, "public/subscribe", channels=list(channels)),
    ]
    if key:
        grant = {"grant_type": "client_credentials", "client_id": key, "client_secret": secret}
        texts.insert(0, request(AUTH, "public/auth", **grant))
    return tuple(texts)


def refresh(refresh_token: str, *, expires_in_s: int) -> Send:
    """The log-in's renewal, due before the token ends."""
    text = request(REFRESH, "public/auth", grant_type="refresh_token", refresh_token=refresh_token)
    return Send(text, after_s=max(1.0, expires_in_s * REFRESH_AT))


def alive() -> Send:
    """The answer to a test request; without it the server closes the connection."""
    return Send(request(TEST, "public/test"))


def again(channel: str) -> tuple[Send, Send]:
    """Leave a channel and subscribe to it anew, for a fresh snapshot."""
    return (
        Send(request(AGAIN, "public/unsubscribe", channels=[channel])),
        Send(request(AGAIN, "public/subscribe", channels=[channel])),
    )
