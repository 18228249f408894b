"""A Kaggle data set as a source of history: `kaggle:OWNER/DATASET`, or with `/FILE` at its end.

Source: Kaggle/kaggle-api and Kaggle/kagglehub: `GET /api/v1/datasets/download/...` with user and
key (Basic) or a token (Bearer) answers with a redirect to storage, whose signed address needs no
log-in; storage sends the md5 and serves ranges.
"""

import base64
import hashlib
from pathlib import Path

from include.errors import HistoryError
from include.lake.download import download, follow_login
from include.settings.forecast import ForecastSettings

SCHEME = "kaggle:"
OWNER_AND_NAME, WITH_FILE = 2, 3


def download_dataset(source: str, folder: Path, access: ForecastSettings) -> Path:
    """The data set's zip, downloaded or resumed.

    Raises:
        HistoryError: the source is misspelt, or Kaggle refuses; names the settings to check.
        Unreachable: Kaggle or its storage does not answer.
    """
    parts = source.removeprefix(SCHEME).strip("/").split("/")
    if len(parts) not in {OWNER_AND_NAME, WITH_FILE} or not all(parts):
        raise HistoryError(f"{source!r} is not kaggle:OWNER/DATASET or kaggle:OWNER/DATASET/FILE")
    if not access.kaggle_key:
        raise HistoryError("Kaggle wants a log-in: set TICKHOUSE_FORECAST_KAGGLE_KEY")
    address = f"{access.kaggle_url}/api/v1/datasets/download/{'/'.join(parts)}"
    name = f"{source} (TICKHOUSE_FORECAST_KAGGLE_USER and _KEY)"
    target = folder / f"{hashlib.sha256(source.encode()).hexdigest()[:8]}-{parts[-1]}.zip"
    headers = {"Authorization": _authorization(access)}
    return download(lambda: follow_login(address, headers, name=name), target, name=source)


def _authorization(access: ForecastSettings) -> str:
    key = access.kaggle_key.reveal()
    if not access.kaggle_user:
        return f"Bearer {key}"
    return f"Basic {base64.b64encode(f'{access.kaggle_user}:{key}'.encode()).decode()}"
