"""JSON objects as the simulated venues read and write them."""

from typing import Any

Fields = dict[str, Any]  # a JSON object: name and value
Values = dict[str, Any]  # parameters of a call, read: name and value
