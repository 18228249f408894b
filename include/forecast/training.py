"""Trains models on the lake's minutes and saves them: Prophet's JSON beside a record."""

import hashlib
import logging
import shutil
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from include.atomic_files import PARTIAL, remove_folder, write_folder
from include.errors import ForecastError, StateError
from include.forecast import fit, prophet
from include.forecast.history import TrainingMinutes, training_minutes
from include.forecast.holdout import holdout_metrics
from include.log import event
from include.settings import Settings
from include.state_files import read_json_file

log = logging.getLogger("tickhouse.forecast")
MODEL_FILE, RECORD_FILE = "model.json", "record.json"


class ModelRecord(msgspec.Struct, frozen=True):
    """How a model was trained; `versions` are the Delta versions that it read.

    `walk` is the volatility of its minutes: log price per square root of a minute.
    """

    model: str
    symbol: str
    trained_from: datetime
    trained_until: datetime
    as_of: datetime
    made_at: datetime
    rows: int
    fitted_by: str
    fit_s: float
    walk: float
    versions: dict[str, int]
    metrics: dict[str, float]


def train(
    settings: Settings, *, symbol: str, as_of: datetime | None, train_days: int, now: datetime
) -> ModelRecord:
    """Train on the lake's minutes before `as_of` (none: all there is) and save the model.

    The same minutes give the same model id; a model that is already saved is not trained again.

    Raises:
        HistoryError: there are not enough minutes.
    """
    history = training_minutes(settings.lake, symbol=symbol, as_of=as_of, train_days=train_days)
    name = _model_id(history)
    target = settings.home / "models" / name
    if not target.exists():
        _save(target, *_fit_model(history, name=name, now=now))
    _prune(settings)
    return record_of(settings, name)


def record_of(settings: Settings, name: str) -> ModelRecord:
    """The record of a saved model.

    Raises:
        ForecastError: there is no such model.
        StateError: its record is damaged.
    """
    record = read_json_file(settings.home / "models" / name / RECORD_FILE, ModelRecord)
    if record is None:
        raise ForecastError(f"there is no model {name}")
    return record


def load_model(settings: Settings, name: str) -> Any:
    """A saved model, ready to predict.

    Raises:
        ForecastError: there is no such model.
    """
    record_of(settings, name)
    return prophet.from_json((settings.home / "models" / name / MODEL_FILE).read_text())


def models(settings: Settings) -> list[ModelRecord]:
    """The records of the saved models, newest first; damaged ones are logged and left out."""
    records = []
    for path in (settings.home / "models").glob(f"*/{RECORD_FILE}"):
        if path.parent.name.startswith("."):
            continue
        try:
            records.append(record_of(settings, path.parent.name))
        except StateError as error:
            log.warning(event("model left out", error=error))
    return sorted(records, key=lambda record: (record.made_at, record.model), reverse=True)


def _fit_model(history: TrainingMinutes, *, name: str, now: datetime) -> tuple[str, ModelRecord]:
    began = time.monotonic()
    fitted = fit.fit(history.prices_df)
    fit_s = time.monotonic() - began
    log.info(event("model fitted", model=name, rows=len(history.prices_df), by=fitted.fitted_by))
    record = ModelRecord(
        model=name,
        symbol=history.symbol,
        trained_from=history.trained_from,
        trained_until=history.trained_until,
        as_of=history.as_of,
        made_at=now,
        rows=len(history.prices_df),
        fitted_by=fitted.fitted_by,
        fit_s=round(fit_s, 3),
        walk=fitted.walk,
        versions=history.versions,
        metrics=holdout_metrics(history.prices_df),
    )
    return prophet.to_json(fitted.prophet), record


def _model_id(history: TrainingMinutes) -> str:
    digest = hashlib.sha256(history.prices_df["ds"].to_numpy().view("int64").data)
    digest.update(history.prices_df["close"].to_numpy().data)
    return f"{history.symbol}-{history.trained_until:%Y%m%dT%H%M}-{digest.hexdigest()[:8]}"


def _save(target: Path, text: str, model_record: ModelRecord) -> None:
    """Write the model into a folder that gets its name when it is complete."""
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(target.with_name(f"{PARTIAL}{target.name}"), ignore_errors=True)
    write_folder(
        target, {MODEL_FILE: text.encode(), RECORD_FILE: msgspec.json.encode(model_record)}
    )


def _prune(settings: Settings) -> None:
    for record in models(settings)[settings.forecast.keep :]:
        remove_folder(settings.home / "models" / record.model)
