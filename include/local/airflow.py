"""Airflow 3 on this machine: its environment, its commands, its REST API."""

import http.client
import json
import secrets
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlencode

from include.atomic_files import write_file
from include.clock import utc_now
from include.errors import PlatformError, Unreachable
from include.settings import ROOT, Settings
from include.settings.groups import DatabaseRole

PARTS = ("metadatabase", "scheduler", "dag_processor", "triggerer")  # of its page of health
COMPONENTS = ("api-server", "scheduler", "dag-processor", "triggerer")
# Their log servers listen on every address and are not needed: the UI reads the files itself.
NO_LOG_SERVER = {"scheduler": ["--skip-serve-logs"], "triggerer": ["--skip-serve-logs"]}
FIRST_DAG = "ingest_history"
LOOP_DAGS = (FIRST_DAG, "retrain_forecast", "publish_forecast")
OVER = {"success", "failed"}
NOTE_CHARACTERS = 1000


def build_environment(settings: Settings) -> dict[str, str]:
    """The variables that configure Airflow, for its processes and their tasks alone."""
    postgres, ports = settings.postgres, settings.ports
    server = f"{postgres.host or ports.host}:{ports.postgres}"
    role, secret = postgres.login(DatabaseRole.AIRFLOW)
    user, password = (quote(text, safe="") for text in (role, secret.reveal()))
    tls = {"sslmode": postgres.sslmode} | ({"sslrootcert": postgres.ca} if postgres.ca else {})
    home = settings.home / "airflow"
    return {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": (
            f"postgresql+psycopg2://{user}:{password}@{server}/{postgres.airflow_database}"
            f"?{urlencode(tls)}"
        ),
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__PARALLELISM": "2",
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "AIRFLOW__CORE__FERNET_KEY": settings.airflow.fernet_key.reveal(),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": f"{settings.airflow.user}:admin",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(home / "passwords.json"),
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{settings.airflow_url}/execution/",
        "AIRFLOW__API__HOST": ports.host,
        "AIRFLOW__API__PORT": str(ports.airflow),
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__API__SECRET_KEY": settings.airflow.jwt_secret.reveal(),
        "AIRFLOW__API__BASE_URL": settings.public_urls["airflow"],
        "AIRFLOW__API_AUTH__JWT_SECRET": settings.airflow.jwt_secret.reveal(),
        "AIRFLOW__SCHEDULER__ENABLE_HEALTH_CHECK": "False",
        # A scheduler that was killed seems alive for 30 s: one that starts sooner finds its tasks
        # at the next look only, which comes after five minutes by default.
        "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "30",
        # A file that is new or changed is read within half a minute all the same.
        "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "30",
        "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "120",
        # Nothing here receives what these count.
        "AIRFLOW__SCHEDULER__POOL_METRICS_INTERVAL": "3600",
        "AIRFLOW__SCHEDULER__TI_METRICS_INTERVAL": "3600",
        "AIRFLOW__SCHEDULER__DAGRUN_METRICS_INTERVAL": "3600",
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        "GX_ANALYTICS_ENABLED": "false",
    }


def prepare(settings: Settings) -> None:
    """Airflow's folder with the log-in's password file, readable by its owner alone."""
    home = settings.home / "airflow"
    home.mkdir(parents=True, exist_ok=True)
    passwords = home / "passwords.json"
    password = {settings.airflow.user: settings.airflow.password.reveal()}
    write_file(passwords, json.dumps(password), mode=0o600)


def generate_secrets() -> dict[str, str]:
    """Fresh secrets of one installation, as settings."""
    from cryptography.fernet import Fernet

    return {
        "TICKHOUSE_POSTGRES_PASSWORD": secrets.token_urlsafe(24),
        **{
            f"TICKHOUSE_POSTGRES_{role.upper()}_PASSWORD": secrets.token_urlsafe(24)
            for role in DatabaseRole
            if role is not DatabaseRole.OWNER
        },
        "TICKHOUSE_AIRFLOW_PASSWORD": secrets.token_urlsafe(12),
        "TICKHOUSE_AIRFLOW_JWT_SECRET": secrets.token_urlsafe(32),
        "TICKHOUSE_AIRFLOW_FERNET_KEY": Fernet.generate_key().decode(),
        "TICKHOUSE_SQL_SERVER_PASSWORD": secrets.token_urlsafe(12),
        "TICKHOUSE_SUPERVISOR_PASSWORD": secrets.token_urlsafe(24),
        "TICKHOUSE_VENUES_GEMINI_KEY": f"account-{secrets.token_urlsafe(12)}",
        "TICKHOUSE_VENUES_GEMINI_SECRET": secrets.token_urlsafe(24),
    }


def _is_unhealthy(health: Mapping[str, Any], part: str, silent_s: float) -> bool:
    if health.get("status") == "healthy":
        return False
    beat = health.get(f"latest_{part}_heartbeat")
    return not beat or (utc_now() - datetime.fromisoformat(beat)).total_seconds() > silent_s


@dataclass(frozen=True)
class DagRun:
    """A run of a DAG, with Airflow's own words for its state and for who started it."""

    run_id: str
    state: str
    triggered_by: str | None = None
    note: str | None = None


class AirflowApi:
    """Airflow's REST API (v2) as this installation's user, who logs in at the first request."""

    def __init__(self, settings: Settings) -> None:
        self.base = settings.airflow_url
        self._login = {
            "username": settings.airflow.user,
            "password": settings.airflow.password.reveal(),
        }
        self._token = ""

    def is_healthy(self) -> bool:
        """Whether the API answers and its scheduler and DAG processor are alive."""
        return not self.unhealthy_parts()

    def unhealthy_parts(self, *, silent_s: float = 0.0) -> list[str]:
        """What is not healthy by Airflow's own page; `api-server` if that does not answer.

        A part whose heartbeat is at most `silent_s` old is left out: Airflow misses one after 30 s,
        which a busy machine takes for one.
        """
        try:
            health = self._send("GET", "/api/v2/monitor/health", None, token=False)
        except (Unreachable, PlatformError):  # it does not answer, or with an error
            return ["api-server"]
        return [part for part in PARTS if _is_unhealthy(health.get(part, {}), part, silent_s)]

    def trigger(self, dag: str, *, conf: Mapping[str, str] | None = None) -> str:
        """Start a run of a DAG and return its id.

        Raises:
            PlatformError: Airflow refused.
        """
        body = {"logical_date": None, "conf": conf or {}}
        run = self._send("POST", f"/api/v2/dags/{dag}/dagRuns", body)
        return str(run["dag_run_id"])

    def runs(self, dag: str) -> list[DagRun]:
        """The runs of a DAG, newest first."""
        path = f"/api/v2/dags/{dag}/dagRuns?order_by=-run_after&limit=20"
        return [
            DagRun(
                run_id=run["dag_run_id"],
                state=run["state"],
                triggered_by=run["triggered_by"],
                note=run["note"],
            )
            for run in self._send("GET", path, None)["dag_runs"]
        ]

    def has_dag(self, dag: str) -> bool:
        """Whether the DAG processor has loaded the DAG."""
        dags = self._send("GET", "/api/v2/dags?limit=100", None)["dags"]
        return any(entry["dag_id"] == dag for entry in dags)

    def note(self, dag: str, run: str, text: str) -> None:
        """Put a note beside a run, where Airflow's UI shows it; cut to what Airflow takes."""
        path = f"/api/v2/dags/{dag}/dagRuns/{quote(run, safe='')}"
        cut = text if len(text) <= NOTE_CHARACTERS else f"{text[: NOTE_CHARACTERS - 1]}…"
        self._send("PATCH", path, {"note": cut})

    def _send(self, method: str, path: str, body: Any, *, token: bool = True) -> Any:
        if token and not self._token:
            reply = self._send("POST", "/auth/token", self._login, token=False)
            if not isinstance(reply, dict) or "access_token" not in reply:
                raise Unreachable(f"Airflow at {self.base}: a log-in without a token")
            self._token = reply["access_token"]
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if token:
            headers["Authorization"] = f"Bearer {self._token}"
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(self.base + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=20) as reply:
                return json.load(reply)
        except urllib.error.HTTPError as error:
            answer = error.read().decode(errors="replace")[:300]
            raise PlatformError(f"Airflow answered {error.code} to {path}: {answer}") from error
        except (OSError, ValueError, http.client.HTTPException) as error:
            raise Unreachable(f"Airflow at {self.base}: {error}") from error
