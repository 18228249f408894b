"""Other people's clients of the venues: the group `clients`, part of the group `dev`."""

from typing import Any

import pytest

from include.optional_packages import install_command
from tests.support.absences import describe_absence


def import_client(module: str) -> Any:
    """A client's module; where it is not installed, the tests of the file are skipped."""
    absent = describe_absence(
        f"the client library {module} is not installed",
        command=install_command("clients"),
    )
    return pytest.importorskip(module, reason=absent)
