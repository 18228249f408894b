"""Airflow's own database: migrated in the background, and only when it has to be."""

import json
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

from include.errors import PlatformError, Unreachable
from include.serving.connection import fetch_rows
from include.settings import ROOT, Settings
from include.settings.groups import DatabaseRole
from include.state_files import write_state_file

MIGRATION_S = 180.0
REVISION = "SELECT version_num FROM alembic_version ORDER BY 1"


class Migration:
    """`airflow db migrate` of one start; it takes ten seconds of a core to find nothing to do.

    The release of Airflow and the schema's revision after it are noted in a file. Where both are
    still as noted it is not run. `environ` is that of Airflow's processes.
    """

    def __init__(self, settings: Settings, environ: dict[str, str]) -> None:
        self._settings = settings
        self._note = settings.home / "airflow" / "migrated.json"
        self._process: subprocess.Popen[bytes] | None = None
        if not self._is_current():
            binary = Path(sys.executable).with_name("airflow")
            log = (settings.home / "logs" / "airflow-migrate.log").open("ab")
            self._process = subprocess.Popen(
                [str(binary), "db", "migrate"], env=environ, stdout=log, stderr=log, cwd=ROOT
            )

    @property
    def was_started(self) -> bool:
        """Whether it was started."""
        return self._process is not None

    def wait(self) -> None:
        """Wait for its end.

        Raises:
            PlatformError: it failed.
        """
        if self._process is None:
            return
        if self._process.wait(timeout=MIGRATION_S) != 0:
            raise PlatformError("Airflow's database could not be prepared")
        write_state_file(self._note, json.dumps(self._versions()))

    def stop(self) -> None:
        """End it if it still runs."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()

    def _is_current(self) -> bool:
        if not self._note.exists():
            return False
        try:
            return bool(json.loads(self._note.read_text()) == self._versions())
        except (Unreachable, OSError, ValueError):
            return False

    def _versions(self) -> dict[str, object]:
        database = self._settings.postgres.airflow_database
        dsn = self._settings.dsn(DatabaseRole.AIRFLOW, database=database)
        return {
            "airflow": version("apache-airflow"),
            "revision": [row["version_num"] for row in fetch_rows(dsn, REVISION)],
        }
