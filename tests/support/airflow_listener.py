"""A server on loopback that takes notes as Airflow does, by Airflow's description of its API."""

import functools
import http.server
import importlib.util
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import yaml

from include.settings import Settings
from tests.support.listeners import serving

RUN = "/api/v2/dags/{dag_id}/dagRuns/{dag_run_id}"
TOKEN = "a-token"


@functools.cache
def described() -> tuple[set[str], dict[str, Any]]:
    """The methods of a run's path, and the schema of the body that changes it."""
    spec = importlib.util.find_spec("airflow")
    assert spec is not None and spec.origin is not None
    folder = Path(spec.origin).parent / "api_fastapi" / "core_api" / "openapi"
    text = (folder / "v2-rest-api-generated.yaml").read_text()
    api = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    body = api["paths"][RUN]["patch"]["requestBody"]["content"]["application/json"]["schema"]
    name = body["$ref"].rpartition("/")[2]
    return set(api["paths"][RUN]), api["components"]["schemas"][name]


def refused(body: Any) -> str:
    """Why Airflow's schema does not take this body, empty if it does."""
    schema = described()[1]
    if unknown := set(body) - set(schema["properties"]):
        return f"no such field: {unknown}"
    kinds = schema["properties"]["note"]["anyOf"]
    max_length = next(kind["maxLength"] for kind in kinds if kind["type"] == "string")
    return f"a note of {len(body['note'])} characters" if len(body["note"]) > max_length else ""


@contextmanager
def airflow_api(settings: Settings) -> Iterator[dict[tuple[str, str], str]]:
    """The notes that runs got, by DAG and run, from a server at the settings' Airflow port."""
    notes: dict[tuple[str, str], str] = {}

    class Taker(http.server.BaseHTTPRequestHandler):
        def body(self) -> Any:
            return json.loads(self.rfile.read(int(self.headers["Content-Length"])))

        def say(self, status: int, document: Any) -> None:
            content = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def do_POST(self) -> None:
            expected = settings.airflow
            login = {"username": expected.user, "password": expected.password.reveal()}
            right = self.path == "/auth/token" and self.body() == login
            self.say(201 if right else 401, {"access_token": TOKEN} if right else {})

        def do_PATCH(self) -> None:
            pattern = re.sub(r"\{\w+\}", "([^/]+)", RUN)
            match = re.fullmatch(pattern, self.path)
            body = self.body()
            if self.headers["Authorization"] != f"Bearer {TOKEN}":
                self.say(401, {"detail": "who?"})
            elif not match or "patch" not in described()[0]:
                self.say(404, {"detail": self.path})
            elif why := refused(body):
                self.say(422, {"detail": why})
            else:
                dag, run = map(unquote, match.groups())
                notes[dag, run] = body["note"]
                self.say(200, {"dag_run_id": run, "note": body["note"]})

        def log_message(self, format: str, *args: Any) -> None:
            return

    address = ("127.0.0.1", settings.ports.airflow)
    with serving(http.server.ThreadingHTTPServer(address, Taker)):
        yield notes
