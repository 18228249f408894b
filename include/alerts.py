"""Alerts: what a person has to know now.

Each is a line of `var/WORLD/alerts.log`; by setting it also goes to a webhook and by e-mail.
Sending never raises: whoever calls has a fault of its own to deal with. The line is written first:
whatever a channel does, it is put beside the alert, and none holds it up longer than its bound.
"""

import json
import logging
import smtplib
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from functools import partial

from include.alert_log import AlertJson, AlertLog
from include.log import event
from include.redirects import NoRedirect
from include.setting_fields import MB
from include.settings import Settings
from include.settings.monitoring import AlertSettings
from include.time_limit import Question

# What an alert may be of; stable words that a receiver can sort by.
TASK_FAILED, GATE_FAILED, MODEL_REFUSED = "task_failed", "gate_failed", "model_refused"
DEADLINE_MISSED, STREAM_LAG, NOT_WORKING = "deadline_missed", "stream_lag", "not_working"
PRICE_JUMP = "price_jump"
KINDS = (
    TASK_FAILED,
    GATE_FAILED,
    MODEL_REFUSED,
    DEADLINE_MISSED,
    STREAM_LAG,
    NOT_WORKING,
    PRICE_JUMP,
)
DETAIL_CHARS = 4000
BEING_SENT = "being sent"  # what the log has of a channel until it has answered
CONNECTIONS = 3  # of a channel: a mail server is asked several times, each within the bound
log = logging.getLogger("tickhouse.alerts")
# A redirected POST would be a GET without the alert.
_OPENER = urllib.request.build_opener(NoRedirect)
Deliver = Callable[[AlertSettings, AlertJson], None]


@dataclass(frozen=True)
class Alert:
    """One alert: `kind` (of `KINDS`), a sentence, details, and where to look."""

    kind: str
    title: str
    detail: str = ""
    link: str = ""


def send(settings: Settings, alert: Alert, *, now: datetime | None = None) -> dict[str, str]:
    """Send it by every channel of the settings; gives each one's outcome: `sent`, or why not."""
    payload = _build_payload(settings, alert, now or datetime.now(UTC))
    alert_log = AlertLog(settings.home, max_bytes=settings.alerts.log_mb * MB)
    waiting = dict.fromkeys(_list_channels(settings.alerts), BEING_SENT)
    _log(payload, partial(alert_log.append, payload, waiting))
    outcomes = _deliver(settings.alerts, payload)
    _log(payload, partial(alert_log.complete, payload, waiting, outcomes))
    return outcomes


def _log(payload: AlertJson, write: Callable[[], None]) -> None:
    try:
        write()
    except OSError as error:  # a full disk, which the alert may be about
        log.error(event("alert not written", error=error, title=payload["title"]))


def _build_payload(settings: Settings, alert: Alert, sent_at: datetime) -> AlertJson:
    """The alert as JSON: `text` is what Slack, Mattermost and the like show as they are.

    `runbook` is the entry with its meaning and what to do.
    """
    world, runbook = settings.world, f"{settings.alerts.runbook}#{alert.kind}"
    payload = {
        "at": sent_at.isoformat(),
        "world": world,
        "what": alert.kind,
        "title": alert.title,
        "detail": alert.detail[:DETAIL_CHARS],
        "link": alert.link,
        "runbook": runbook,
        "text": f"Tickhouse ({world}): {alert.title}\nWhat to do: {runbook}",
    }
    return {name: _as_unicode(text) for name, text in payload.items()}


def _as_unicode(text: str) -> str:
    r"""Text that can be encoded: half of a surrogate pair as `\udc80`."""
    return text.encode("utf-8", "backslashreplace").decode()


def _list_channels(settings: AlertSettings) -> dict[str, Deliver]:
    channels: dict[str, Deliver] = {}
    if settings.webhook.reveal():
        channels["webhook"] = _post
    if settings.email_to.strip():
        channels["email"] = _mail
    return channels


def _deliver(settings: AlertSettings, payload: AlertJson) -> dict[str, str]:
    """Each channel's outcome; all are asked at once."""
    questions = {
        name: Question(partial(deliver, settings, payload), name=f"the channel {name}")
        for name, deliver in _list_channels(settings).items()
    }
    within_s = CONNECTIONS * settings.timeout_s
    return {name: _send_and_describe(question, within_s) for name, question in questions.items()}


def _send_and_describe(question: Question[None], within_s: float) -> str:
    try:
        question.answer(within_s=within_s)
    except Exception as error:  # an address, a server or its answer may be wrong in any way
        return _as_unicode(f"{type(error).__name__}: {error}")
    return "sent"


def _post(settings: AlertSettings, payload: AlertJson) -> None:
    request = urllib.request.Request(
        settings.webhook.reveal(),
        json.dumps(payload).encode(),
        {"Content-Type": "application/json", "User-Agent": "tickhouse"},
        method="POST",
    )
    try:
        with _OPENER.open(request, timeout=settings.timeout_s):
            return
    except urllib.error.HTTPError as error:
        raise OSError(f"the webhook answered {error.code}") from error


def _mail(settings: AlertSettings, payload: AlertJson) -> None:
    mail = EmailMessage()
    mail["From"], mail["To"] = settings.email_from, settings.email_to
    mail["Subject"] = payload["text"].splitlines()[0][:150]
    mail["X-Tickhouse-Alert"] = payload["what"]
    mail.set_content(
        "\n\n".join(
            part
            for part in (
                payload["title"],
                payload["detail"],
                payload["link"],
                f"What to do: {payload['runbook']}",
                f"{payload['what']} at {payload['at']}",
            )
            if part
        )
    )
    trusted = ssl.create_default_context()
    if settings.smtp_security == "tls":
        server: smtplib.SMTP = smtplib.SMTP_SSL(
            settings.smtp_host, settings.smtp_port, timeout=settings.timeout_s, context=trusted
        )
    else:
        server = smtplib.SMTP(settings.smtp_host, settings.smtp_port, timeout=settings.timeout_s)
    with server:
        if settings.smtp_security == "starttls":
            server.starttls(context=trusted)
        if settings.smtp_user:
            server.login(settings.smtp_user, settings.smtp_password.reveal())
        server.send_message(mail)
