"""The parameters of a request to the simulated Binance's REST, of its query and of its body. Pure.

Source: binance/binance-spot-api-docs, rest-api.md, "General Information on Endpoints", and
errors.md.
"""

import json
from dataclasses import dataclass
from urllib.parse import parse_qsl

from streaming.simulator.binance_parameters import BinanceError
from streaming.simulator.json_fields import parse_json

_SIGNATURE = "signature="


@dataclass(frozen=True)
class Form:
    """A request's parameters, and the text that a client signs for them."""

    texts: dict[str, str]
    signed_text: str


def read_form(query: str, body: str, content_type: str) -> Form:
    """The parameters of a query and of a body; those of both are the query's.

    Raises:
        BinanceError: one of them has a parameter twice.
    """
    fields = _read_json(body) if content_type == "application/json" else None
    if fields is None:
        in_body = _read_pairs(body)
    else:
        in_body, body = fields, "&".join(f"{name}={text}" for name, text in fields.items())
    signed_text = _remove_signature(query) + _remove_signature(body)
    return Form(in_body | _read_pairs(query), signed_text)


def _read_pairs(text: str) -> dict[str, str]:
    pairs = parse_qsl(text, keep_blank_values=True)
    texts = dict(pairs)
    if len(texts) < len(pairs):
        raise BinanceError(400, -1101, "Duplicate values for a parameter detected.")
    return texts


def _read_json(body: str) -> dict[str, str] | None:
    """The fields of a JSON object, which some clients send instead of a form."""
    try:
        fields = parse_json(body)
    except ValueError:
        return None
    if not isinstance(fields, dict):
        return None
    return {name: v if isinstance(v, str) else json.dumps(v) for name, v in fields.items()}


def _remove_signature(text: str) -> str:
    return "&".join(part for part in text.split("&") if not part.startswith(_SIGNATURE))
