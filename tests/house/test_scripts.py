"""The shell scripts and the Dockerfile are clean to the linters of their languages."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from include.settings import ROOT

TRACKED = subprocess.run(
    ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
).stdout.split("\n")
SHELLS = ("#!/bin/sh", "#!/bin/bash", "#!/usr/bin/env bash")


def is_script(name: str) -> bool:
    path = ROOT / name
    if not path.is_file() or path.suffix not in {"", ".sh"}:
        return False
    return path.suffix == ".sh" or path.read_bytes().startswith(tuple(map(str.encode, SHELLS)))


SCRIPTS = [name for name in TRACKED if name and is_script(name)]
DOCKERFILES = [name for name in TRACKED if Path(name).name.startswith("Dockerfile")]


def complaints(linter: str, path: Path) -> str:
    program = shutil.which(linter, path=Path(sys.executable).parent)
    assert program, f"{linter} is not installed: .venv/bin/uv sync"
    done = subprocess.run([program, path], capture_output=True, text=True, check=False)
    assert bool(done.returncode) == bool(done.stdout + done.stderr)
    return done.stdout + done.stderr


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_shell_script_is_clean(name: str) -> None:
    assert complaints("shellcheck", ROOT / name) == ""


@pytest.mark.parametrize("name", DOCKERFILES)
def test_the_dockerfile_is_clean(name: str) -> None:
    assert complaints("hadolint", ROOT / name) == ""


def test_both_linters_see_a_fault(tmp_path: Path) -> None:
    assert {"tickhouse", ".ci/run"} <= set(SCRIPTS) and "Dockerfile" in DOCKERFILES
    script, image = tmp_path / "script", tmp_path / "Dockerfile"
    script.write_text("#!/usr/bin/env bash\ncd $HOME/x\n")
    image.write_text("FROM debian:latest\nRUN cd /tmp\n")
    assert "SC2086" in complaints("shellcheck", script)
    assert "DL3007" in complaints("hadolint", image)
