"""The log of alerts, as a person or a program reads it."""

import json
from typing import Any

from include.alert_log import LOG_NAME, OLD_LOG_NAME
from include.settings import Settings


def read_alerts(settings: Settings) -> list[dict[str, Any]]:
    """Every alert of the log and of the one before it, oldest first."""
    paths = [settings.home / OLD_LOG_NAME, settings.home / LOG_NAME]
    lines = [line for path in paths if path.exists() for line in path.read_text().splitlines()]
    return [json.loads(line) for line in lines]
