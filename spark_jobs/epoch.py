"""The epoch of a query's checkpoint: who it is to Delta, and what an earlier one already landed.

Delta skips a batch whose (application, version) it knows. Batch ids start at 0 again with a new
checkpoint, so a fixed application would silently drop new rows. The epoch lives inside the
checkpoint's folder: lose the folder and the next start is a new application. That one reads Kafka
from the beginning and leaves out, up to `until`, the offsets that are in the lake already.
"""

import json
import uuid
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Epoch:
    """`app` names the query to Delta; `until` is the end offset per topic when it began."""

    app: str
    until: dict[str, int]

    @property
    def fresh(self) -> bool:
        """Whether nothing can have been landed by an earlier epoch."""
        return not any(self.until.values())


def open_epoch(folder: Path, *, query: str, ends: dict[str, int]) -> Epoch:
    """The epoch kept in this folder, or a new one that knows the topics' present `ends`."""
    marker = folder / "epoch.json"
    if marker.exists():
        kept = json.loads(marker.read_text())
        return Epoch(app=kept["app"], until=kept["until"])
    epoch = Epoch(app=f"{query}/{uuid.uuid4().hex[:12]}", until=ends)
    folder.mkdir(parents=True, exist_ok=True)
    draft = marker.with_suffix(".partial")
    draft.write_text(json.dumps({"app": epoch.app, "until": epoch.until}))
    draft.rename(marker)
    return epoch
