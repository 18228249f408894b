"""Two drivers that commit the same versions of a table in S3 at the same moments.

The short form has 200 versions, `--long` 1,000.
"""

import subprocess
import time
from pathlib import Path

import pyspark
import pytest

from include.local.jars import ensure_jars
from include.local.java import java_home
from include.object_path import ObjectPath
from include.settings import Settings
from include.settings.store import s3a_options
from tests.support.object_store import BUCKET, object_store, used

WRITER = Path(__file__).parents[1] / "support" / "java" / "RacingWriter.java"
OURS, DELTAS = "tickhouse.ConditionalS3LogStore", "io.delta.storage.S3SingleDriverLogStore"
VERSIONS, LONG, SLOT_MS, START_S = 100, 1000, 120, 0.5


def race(store: str, *, settings: Settings, versions: int) -> tuple[list[int], list[int]]:
    """The versions that each of two processes believes to have written."""
    jars = ensure_jars(uses_s3=True)
    folders = [Path(pyspark.__file__).parent / "jars", jars.spark, jars.s3]
    hadoop = "spark.hadoop."
    options = [
        f"{name.removeprefix(hadoop)}={value}"
        for name, value in s3a_options(settings.s3).items()
        if name.startswith(hadoop)
    ]
    writers = [
        subprocess.Popen(
            [
                f"{java_home()}/bin/java",
                "-cp",
                ":".join(f"{folder}/*" for folder in folders),
                str(WRITER),
                store,
                f"s3a://{BUCKET}/log",
                name,
                *map(str, (versions, SLOT_MS)),
                *options,
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        for name in ("a", "b")
    ]
    for writer in writers:
        assert writer.stdout is not None
        while "ready" not in (line := writer.stdout.readline()):
            assert line, "a writer ended before it was ready"
    start_ms = int((time.time() + START_S) * 1000)
    won = []
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write(f"{start_ms}\n")
        writer.stdin.flush()
    for writer in writers:
        out, _ = writer.communicate(timeout=300 + 2 * versions)
        assert writer.returncode == 0
        (line,) = [line for line in out.splitlines() if line.startswith("won")]
        won.append([int(version) for version in line.split()[1:]])
    return won[0], won[1]


@pytest.mark.timeout(3000)
@pytest.mark.parametrize("mode", ["sound", "forgetful"])
def test_no_version_is_won_twice(tmp_path: Path, pytestconfig: pytest.Config, mode: str) -> None:
    versions = LONG if pytestconfig.getoption("--long") else VERSIONS
    with object_store(tmp_path, mode=mode) as port, used(port) as settings:
        ours, others = race(OURS, settings=settings, versions=versions)
        assert not {*ours} & {*others}
        assert sorted([*ours, *others]) == list(range(versions))
        print(f"won {len(ours)} and {len(others)}")
        assert ours and others, "they never met"
        for name, won in {"a": ours, "b": others}.items():
            for version in won:
                commit = ObjectPath(BUCKET, f"log/{version:020d}.json")
                assert commit.read_text() == f"{name} {version}\n"


def test_the_same_race_is_red_with_deltas_own_store(tmp_path: Path) -> None:
    with object_store(tmp_path) as port, used(port) as settings:
        ours, others = race(DELTAS, settings=settings, versions=VERSIONS)
    assert {*ours} & {*others}
