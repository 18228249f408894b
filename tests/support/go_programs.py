"""Go programs that a test runs: built once, as pinned, into the environment's folder.

What is missing (Go itself, a network) skips the test with the sentence and the command for it.
"""

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from include.settings import ROOT
from tests.support.absences import describe_absence

SOURCES = ROOT / "tests" / "support" / "go"
PROGRAMS = ROOT / ".venv" / "go_programs"
HELM = "helm.sh/helm/v3/cmd/helm@v3.22.0"
BUILD_S = 560


def compose_loader() -> Path:
    """The program that prints a compose project as Docker Compose would load it."""
    return _build_ours("load_compose")


def manifest_validator() -> Path:
    """The program that refuses what Kubernetes' own types cannot hold."""
    return _build_ours("validate_manifests")


def helm() -> Path:
    """Helm itself."""
    target = PROGRAMS / f"helm-{HELM.rpartition('@')[2]}"
    return _build(target, ["go", "install", HELM], folder=ROOT)


def _build_ours(name: str) -> Path:
    files = [SOURCES / "go.mod", SOURCES / "go.sum", SOURCES / name / "main.go"]
    made_of = hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:12]
    return _build(PROGRAMS / f"{name}-{made_of}", ["go", "install", f"./{name}"], folder=SOURCES)


def _build(target: Path, command: list[str], *, folder: Path) -> Path:
    if target.exists():
        return target
    if shutil.which("go") is None:
        reason = f"no go here, which builds {target.name}"
        pytest.skip(describe_absence(reason, command="apt-get install golang"))
    partial = target.with_suffix(f".{os.getpid()}")
    partial.mkdir(parents=True, exist_ok=True)  # of a build that its time limit ended
    environ = dict(os.environ) | {"GOBIN": str(partial)}
    done = subprocess.run(
        command,
        cwd=folder,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=BUILD_S,
    )
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["no word of why"]
        shown = f"cd {folder.relative_to(ROOT)} && {' '.join(command)}"
        pytest.skip(
            describe_absence(f"{target.name} could not be built: {lines[-1]}", command=shown)
        )
    next(partial.iterdir()).rename(target)
    shutil.rmtree(partial)
    return target
