"""A Kaggle data set as a source of history: `kaggle:OWNER/DATASET`, or with `/FILE` at its end.

Source: Kaggle/kaggle-api and Kaggle/kagglehub: `GET /api/v1/datasets/download/...` with user and
key (Basic) or a token (Bearer) answers with a redirect to storage, whose signed address needs no
log-in; storage sends the md5 and serves ranges.
"""

import base64
import hashlib
from pathlib import Path

from include.errors import HistoryError
<<<<<<< HEAD:include/lake/kaggle_dataset.py
from include.lake.download import download, follow_login
from include.settings.forecast import Forecast
=======
from include.lake.download import download, redirected
from include.settings.forecast import ForecastSettings
>>>>>>> 5d3a0d9 (Say the ground's names in plain words: bus, settings, local, alerts):include/lake/kaggle_source.py

SCHEME = "kaggle:"
OWNER_AND_NAME, WITH_FILE = 2, 3


<<<<<<< HEAD:include/lake/kaggle_dataset.py
def download_dataset(source: str, folder: Path, access: Forecast) -> Path:
    """The data set's zip, downloaded or resumed.
=======
def fetch(source: str, folder: Path, rules: ForecastSettings) -> Path:
    """The data set's zip, downloaded or taken up again.
>>>>>>> 5d3a0d9 (Say the ground's names in plain words: bus, settings, local, alerts):include/lake/kaggle_source.py

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


<<<<<<< HEAD:include/lake/kaggle_dataset.py
def _authorization(access: Forecast) -> str:
    key = access.kaggle_key.reveal()
    if not access.kaggle_user:
=======
def _login(rules: ForecastSettings) -> str:
    key = rules.kaggle_key.reveal()
    if not rules.kaggle_user:
>>>>>>> 5d3a0d9 (Say the ground's names in plain words: bus, settings, local, alerts):include/lake/kaggle_source.py
        return f"Bearer {key}"
    return f"Basic {base64.b64encode(f'{access.kaggle_user}:{key}'.encode()).decode()}"
