"""Airflow's database is migrated when it has to be, and only then."""

import json
from typing import Any

from include.local import airflow
from include.local.airflow_database import Migration
from include.local.platform import process_environment
from include.local.postgres import create_databases
from include.serving.connection import transaction
from include.settings import Settings


def test_a_start_migrates_once_and_again_after_an_upgrade_or_another_revision(
    service_settings: Settings, postgres_dsn: dict[str, Any]
) -> None:
    create_databases(service_settings)
    airflow.prepare(service_settings)
    (service_settings.home / "logs").mkdir(exist_ok=True)
    # As on a machine of its own: nothing of this process's Airflow.
    environ = {
        name: value
        for name, value in process_environment(service_settings).items()
        if not name.startswith("AIRFLOW")
    }
    environ |= airflow.build_environment(service_settings)
    first = Migration(service_settings, environ)
    assert first.was_started
    first.wait()
    assert not Migration(service_settings, environ).was_started

    dsn = service_settings.dsn(database=service_settings.postgres.airflow_database)
    note = service_settings.home / "airflow" / "migrated.json"
    note_text = note.read_text()
    note.write_text(json.dumps(json.loads(note_text) | {"airflow": "3.0.0"}))
    assert _needed(service_settings, environ)
    note.write_text(note_text)
    with transaction(dsn) as link, link.cursor() as cursor:
        cursor.execute("UPDATE alembic_version SET version_num = 'another'")
    assert _needed(service_settings, environ)
    note.write_text("torn")
    assert _needed(service_settings, environ)


def _needed(settings: Settings, environ: dict[str, str]) -> bool:
    migration = Migration(settings, environ)
    migration.stop()
    return migration.was_started
