"""Alerts: what a person has to know now.

Each is a line of `var/WORLD/alerts.log`; by setting it also goes to a webhook and by e-mail.
Telling never raises: whoever calls has a fault of its own to deal with. A channel that cannot be
reached is written to the log beside the alert.
"""

import json
import smtplib
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from typing import Any

from include.settings import Settings

# What an alert may be of; stable words that a receiver can sort by.
TASK_FAILED, GATE_FAILED, MODEL_REFUSED = "task_failed", "gate_failed", "model_refused"
DEADLINE_MISSED, STREAM_LAG = "deadline_missed", "stream_lag"
WHATS = (TASK_FAILED, GATE_FAILED, MODEL_REFUSED, DEADLINE_MISSED, STREAM_LAG)
DETAIL_CHARS = 4000


@dataclass(frozen=True)
class Alert:
    """One alert: `what` (of `WHATS`), a sentence, details, and where to look."""

    what: str
    title: str
    detail: str = ""
    link: str = ""


def send(settings: Settings, alert: Alert, *, now: datetime | None = None) -> dict[str, str]:
    """Tell it wherever the settings say; give each channel's outcome: `sent`, or why not."""
    told = _told(settings, alert, now or datetime.now(UTC))
    outcome = {name: _tried(send, settings, told) for name, send in _channels(settings).items()}
    with (_home(settings) / "alerts.log").open("a", encoding="utf-8") as log:
        log.write(json.dumps(told | {"told": outcome}, ensure_ascii=False) + "\n")
    return outcome


def recent(settings: Settings, *, count: int = 20) -> list[dict[str, Any]]:
    """The newest alerts, the last one first."""
    path = settings.home / "alerts.log"
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return [json.loads(line) for line in reversed(lines[-count:])]


def _home(settings: Settings) -> Any:
    settings.home.mkdir(parents=True, exist_ok=True)
    return settings.home


def _told(settings: Settings, alert: Alert, now: datetime) -> dict[str, str]:
    """The alert as JSON: `text` is what Slack, Mattermost and the like show as they are."""
    text = f"Tickhouse ({settings.world}): {alert.title}"
    return {
        "at": now.isoformat(),
        "world": settings.world,
        "what": alert.what,
        "title": alert.title,
        "detail": alert.detail[:DETAIL_CHARS],
        "link": alert.link,
        "text": text,
    }


def _channels(settings: Settings) -> dict[str, Callable[[Settings, dict[str, str]], None]]:
    found: dict[str, Callable[[Settings, dict[str, str]], None]] = {}
    if settings.alerts.webhook.reveal():
        found["webhook"] = _post
    if settings.alerts.email_to.strip():
        found["email"] = _mail
    return found


def _tried(
    send: Callable[[Settings, dict[str, str]], None], settings: Settings, told: dict[str, str]
) -> str:
    try:
        send(settings, told)
    except (OSError, ValueError, smtplib.SMTPException) as error:
        return f"{type(error).__name__}: {error}"
    return "sent"


def _post(settings: Settings, told: dict[str, str]) -> None:
    request = urllib.request.Request(
        settings.alerts.webhook.reveal(),
        json.dumps(told).encode(),
        {"Content-Type": "application/json", "User-Agent": "tickhouse"},
        method="POST",
    )
    try:
        with urllib.request.urlopen(request, timeout=settings.alerts.timeout_s):
            return
    except urllib.error.HTTPError as error:
        raise OSError(f"the webhook answered {error.code}") from error


def _mail(settings: Settings, told: dict[str, str]) -> None:
    own = settings.alerts
    mail = EmailMessage()
    mail["From"], mail["To"] = own.email_from, own.email_to
    mail["Subject"] = told["text"].splitlines()[0][:150]
    mail["X-Tickhouse-Alert"] = told["what"]
    mail.set_content(
        "\n\n".join(
            part
            for part in (
                told["title"],
                told["detail"],
                told["link"],
                f"{told['what']} at {told['at']}",
            )
            if part
        )
    )
    trusted = ssl.create_default_context()
    if own.smtp_security == "tls":
        server: smtplib.SMTP = smtplib.SMTP_SSL(
            own.smtp_host, own.smtp_port, timeout=own.timeout_s, context=trusted
        )
    else:
        server = smtplib.SMTP(own.smtp_host, own.smtp_port, timeout=own.timeout_s)
    with server:
        if own.smtp_security == "starttls":
            server.starttls(context=trusted)
        if own.smtp_user:
            server.login(own.smtp_user, own.smtp_password.reveal())
        server.send_message(mail)
