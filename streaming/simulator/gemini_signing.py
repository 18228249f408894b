"""The signatures and nonces of the simulated Gemini's private requests.

Source: docs.gemini.com, "Private API invocation".
"""

import base64
import json
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation

from include.setting_fields import Secret
from streaming.simulator.gemini_parameters import GeminiError
from streaming.simulator.json_fields import Fields
from streaming.simulator.signatures import is_same, sign

_HEADERS = {
    "X-GEMINI-APIKEY": "MissingApikeyHeader",
    "X-GEMINI-PAYLOAD": "MissingPayloadHeader",
    "X-GEMINI-SIGNATURE": "MissingSignatureHeader",
}


class GeminiSigning:
    """One plain key: each nonce is greater than the one before."""

    def __init__(self, key: Secret, secret: Secret) -> None:
        self._key, self._secret, self._nonce = key, secret, Decimal(-1)

    def read_payload(self, headers: Mapping[str, str], path: str) -> Fields:
        """The parameters of a request to `path`.

        Raises:
            GeminiError: it is not signed, not well, not for this path, or was sent before.
        """
        for header, reason in _HEADERS.items():
            if header not in headers:
                raise GeminiError(400, reason, f"Must provide '{header}' header")
        key, payload, signature = (headers[header] for header in _HEADERS)
        if not self._key or not is_same(self._key.reveal(), key):
            raise GeminiError(400, "InvalidApiKey", "The API key is not known")
        if not is_same(sign(self._secret.reveal(), payload, "sha384"), signature):
            raise GeminiError(400, "InvalidSignature", "InvalidSignature")
        fields = _read_json(payload)
        if fields.get("request") != path:
            raise GeminiError(400, "EndpointMismatch", "EndpointMismatch")
        self._accept_nonce(fields.get("nonce"))
        return fields

    def _accept_nonce(self, sent_nonce: object) -> None:
        try:
            nonce = Decimal(str(sent_nonce))
        except InvalidOperation:
            nonce = Decimal("NaN")
        if not nonce.is_finite():
            raise GeminiError(400, "InvalidNonce", f"Nonce '{sent_nonce}' is no number")
        if nonce <= self._nonce:
            text = f"Nonce '{sent_nonce}' has not increased since your last call to the Gemini API."
            raise GeminiError(400, "InvalidNonce", text)
        self._nonce = nonce


def _read_json(base64_json: str) -> Fields:
    try:
        fields = json.loads(base64.b64decode(base64_json))
    except (ValueError, RecursionError):
        fields = None
    if not isinstance(fields, dict):
        raise GeminiError(400, "InvalidJson", "The payload is no JSON object in base64")
    return fields
