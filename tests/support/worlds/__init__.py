"""Small worlds of earlier schemas, each a backup in a folder of its number, made once and kept.

`python -m tests.support.worlds FOLDER` makes one of the present schema. Beside the backup,
`checkpoints` are those of a run of the stream.
"""

from pathlib import Path

WORLDS = Path(__file__).parent
