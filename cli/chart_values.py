"""What the Helm chart of deploy/helm takes from the code: its values' schema, metrics' ports."""

import json
from typing import Any

from include.market.venues import VENUES
from include.setting_fields import Secret
from include.settings import list_variables, load

FOLDER = "deploy/helm"
FIXED = {  # the pods' own: folder, address, and the ports that services and probes name
    "TICKHOUSE_VAR",
    "TICKHOUSE_PORTS_HOST",
    "TICKHOUSE_PORTS_DASHBOARD",
    "TICKHOUSE_PORTS_SPARK_UI",
    "TICKHOUSE_CLUSTER_START",
}
METRICS = "TICKHOUSE_METRICS_"
NOT_PORTS = ("TICKHOUSE_METRICS_EVERY_S", "TICKHOUSE_METRICS_HOST")
RESOURCES = ("feed", "stream", "trader", "minutes", "watcher", "dashboard", "prepare")
TEXT, BOOLEAN = {"type": "string"}, {"type": "boolean"}
OBJECTS = {"type": "array", "items": {"type": "object"}}


def chart_files() -> dict[str, str]:
    """The text of the chart's generated files, by its path from the root."""
    files = {"values.schema.json": values_schema(), "metrics-ports.json": metrics_ports()}
    return {f"{FOLDER}/{name}": json.dumps(body, indent=1) + "\n" for name, body in files.items()}


def metrics_ports() -> dict[str, int]:
    """The port of each component's metrics; feeds are named `feed-VENUE`."""
    return load({}).metrics.ports


def values_schema() -> dict[str, Any]:
    """JSON Schema of the chart's values: Helm itself refuses a setting or a value that is none."""
    variables = list_variables()
    secrets = [name for name, (default, _) in variables.items() if isinstance(default, Secret)]
    settings: dict[str, dict[str, Any]] = {
        name: {"description": meaning, "type": ["string", "number"]}
        for name, (_, meaning) in variables.items()
        if name not in FIXED and name not in secrets and not is_metrics_port(name)
    }
    settings["TICKHOUSE_WORLD"]["minLength"] = 1
    parts = {
        "global": {"type": "object"},
        "image": _describe_object(repository=TEXT, tag=TEXT, pullPolicy=TEXT, pullSecrets=OBJECTS),
        # The stream's probe names it: `null` would take the chart's own value away.
        "settings": _describe_object(**settings) | {"required": ["TICKHOUSE_WORLD"]},
        "secrets": _describe_object(
            values=_describe_object(**{name: TEXT for name in secrets}),
            existing=TEXT,
            names={"type": "array", "items": {"enum": secrets}},
        ),
        "state": _describe_object(claim=TEXT),
        "feeds": _describe_object(
            names={"type": "array", "items": {"enum": [*VENUES, "quotes"]}, "uniqueItems": True},
            spool=TEXT,
            storageClass=TEXT,
        ),
        "prepare": _describe_object(firstTraining=BOOLEAN),
        "resources": _describe_object(**{name: {"type": "object"} for name in RESOURCES}),
        "serviceMonitors": _describe_object(
            enabled=BOOLEAN, interval=TEXT, labels={"type": "object"}
        ),
    }
    return {"$schema": "https://json-schema.org/draft-07/schema#", **_describe_object(**parts)}


def is_metrics_port(name: str) -> bool:
    """Whether a setting is the port of a process's metrics."""
    return name.startswith(METRICS) and name not in NOT_PORTS


def _describe_object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": False, "properties": properties}
