"""Defects of a world's files: where, what, and what their repair does."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from include.lake.diagnosis import repair
from include.settings import Settings

Repair = Callable[[], object]


@dataclass(frozen=True)
class Defect:
    """Something that is wrong: where, what, and what its repair does (null: a person has to)."""

    subject: str
    fault: str
    remedy: str
    loses_nothing: bool = False
    repair: Repair | None = None

    def sentence(self) -> str:
        """One sentence for a person."""
        return f"{self.subject}: {self.fault}"


def checkpoint_defect(settings: Settings, query: str, sentence: str) -> Defect:
    """A checkpoint that cannot be used: nothing is lost by beginning another one."""
    return Defect(
        f"checkpoint of `{query}`",
        sentence,
        "moved away; the next start reads again what the tables lack",
        loses_nothing=True,
        repair=lambda: repair(settings.world_store, query, repaired_at=datetime.now(UTC)),
    )
