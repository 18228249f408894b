"""Signatures of requests, whose text may be any: halves of surrogate pairs too. Pure."""

import hmac


def sign(secret: str, text: str, digest: str) -> str:
    """The HMAC of a text, in hexadecimal."""
    return hmac.new(_encode(secret), _encode(text), digest).hexdigest()


def is_same(expected: str, sent_text: str) -> bool:
    """Whether a secret or a signature is the expected one, in a time that depends on neither."""
    return hmac.compare_digest(_encode(expected), _encode(sent_text))


def _encode(text: str) -> bytes:
    return text.encode(errors="surrogatepass")
