"""Trained models on disk: trained from the lake, kept as Prophet's JSON beside a record."""

import hashlib
import logging
import shutil
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from include.atomic_files import PARTIAL, remove_folder, write_folder
from include.errors import ForecastError
from include.forecast import fit, prophet
from include.forecast.history import TrainingMinutes, training_minutes
from include.forecast.holdout import holdout_metrics
from include.log import event
from include.settings import Settings

log = logging.getLogger("tickhouse.forecast")
MODEL_FILE, RECORD_FILE = "model.json", "record.json"


class ModelRecord(msgspec.Struct, frozen=True):
    """What a trained model is made of; `versions` are the Delta versions that it read.

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
    """Train on the lake's minutes before `as_of` (none: all there is) and keep the model.

    The same minutes give the same model id; a model that is kept already is not trained again.

    Raises:
        HistoryError: there are not enough minutes.
    """
    minutes = training_minutes(settings.lake, symbol=symbol, as_of=as_of, train_days=train_days)
    name = _model_id(minutes)
    target = settings.home / "models" / name
    if not target.exists():
        _keep(target, *_trained(minutes, name=name, now=now))
    _prune(settings)
    return record_of(settings, name)


def record_of(settings: Settings, name: str) -> ModelRecord:
    """The record of a kept model.

    Raises:
        ForecastError: there is no such model.
    """
    try:
        text = (settings.home / "models" / name / RECORD_FILE).read_bytes()
    except FileNotFoundError as error:
        raise ForecastError(f"there is no model {name}") from error
    return msgspec.json.decode(text, type=ModelRecord)


def load_model(settings: Settings, name: str) -> Any:
    """A kept model, ready to predict."""
    record_of(settings, name)
    return prophet.from_json((settings.home / "models" / name / MODEL_FILE).read_text())


def models(settings: Settings) -> list[ModelRecord]:
    """The kept models, newest first."""
    found = [
        record_of(settings, path.parent.name)
        for path in (settings.home / "models").glob(f"*/{RECORD_FILE}")
        if not path.parent.name.startswith(".")
    ]
    return sorted(found, key=lambda one: (one.made_at, one.model), reverse=True)


def _trained(minutes: TrainingMinutes, *, name: str, now: datetime) -> tuple[str, ModelRecord]:
    began = time.monotonic()
    fitted = fit.fit(minutes.frame)
    fit_s = time.monotonic() - began
    log.info(event("model fitted", model=name, rows=len(minutes.frame), by=fitted.fitted_by))
    record = ModelRecord(
        model=name,
        symbol=minutes.symbol,
        trained_from=minutes.trained_from,
        trained_until=minutes.trained_until,
        as_of=minutes.as_of,
        made_at=now,
        rows=len(minutes.frame),
        fitted_by=fitted.fitted_by,
        fit_s=round(fit_s, 3),
        walk=fitted.walk,
        versions=minutes.versions,
        metrics=holdout_metrics(minutes.frame),
    )
    return prophet.to_json(fitted.prophet), record


def _model_id(minutes: TrainingMinutes) -> str:
    digest = hashlib.sha256(minutes.frame["ds"].to_numpy().view("int64").data)
    digest.update(minutes.frame["close"].to_numpy().data)
    return f"{minutes.symbol}-{minutes.trained_until:%Y%m%dT%H%M}-{digest.hexdigest()[:8]}"


def _keep(target: Path, text: str, record: ModelRecord) -> None:
    """Write the model into a folder that gets its name when it is complete."""
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(target.with_name(f"{PARTIAL}{target.name}"), ignore_errors=True)
    write_folder(target, {MODEL_FILE: text.encode(), RECORD_FILE: msgspec.json.encode(record)})


def _prune(settings: Settings) -> None:
    for old in models(settings)[settings.forecast.keep :]:
        remove_folder(settings.home / "models" / old.model)
