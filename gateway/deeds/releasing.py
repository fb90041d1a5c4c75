"""A release (解除) as it is signed: which incident of the watch it ends, and which exception it gives for a time.

    {"frozen": false, "incident": "0123456789abcdef",
     "exception": {"detector": "miss_rate", "until": "2026-12-01", "most": null}}

Both members are left out where the watch laid nothing. A release that names another incident than the one that lies
there now releases nothing: what was signed for an old one is not good for a new one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Final, NamedTuple

from audit.entry import MAX_INTEGER, JsonValue
from gateway.deeds.document import Document, Kind
from gateway.deeds.errors import DeedError
from gateway.deeds.keeping import Kept
from gateway.deeds.steps import RELEASE
from gateway.domain.exemption import Exemption
from gateway.domain.grant import local_day
from gateway.domain.incident import Detector

MOST_EXCEPTION_DAYS: Final = 30
"""How far ahead the last day of an exception may lie, on the day on which it comes into force."""
NEVER_EXCEPTED: Final = frozenset({Detector.DECOY, Detector.EVIDENCE})
"""Who asks about somebody who never was, or cannot show why they asked, is not excepted from that."""
FROZEN, INCIDENT, EXCEPTION = "frozen", "incident", "exception"
RELEASE_MEMBERS: Final = frozenset({FROZEN, INCIDENT, EXCEPTION})
_EXCEPTION_MEMBERS: Final = {"detector", "until", "most"}
_NUMBER: Final = re.compile(r"[0-9a-f]{16}")


class Release(NamedTuple):
    """A release in force. `incident` is empty where it names none."""

    target: str
    entry: int
    incident: str
    exemption: Exemption | None


def release_in(kept: Kept) -> Release | None:
    """The release that a deed in force is; None for any other. Raises `DeedError`."""
    if kept.kind != Kind.FREEZE:
        return None
    document = kept.opened().document
    return released_by(document, kept.entry) if document.path == RELEASE else None


def released_by(document: Document, entry: int) -> Release:
    """What a document on the path `release` says, in force by this entry. Raises `DeedError`."""
    return Release(document.id, entry, incident_of(document.content), exemption_of(document))


def incident_of(content: Mapping[str, JsonValue]) -> str:
    """The incident that a release names; empty when it names none."""
    return str(content.get(INCIDENT) or "")


def exemption_of(document: Document) -> Exemption | None:
    """The exception that a release gives; None when it gives none. Raises `DeedError` for one that cannot be read."""
    told = document.content.get(EXCEPTION)
    if told is None:
        return None
    if not isinstance(told, Mapping) or set(told) != _EXCEPTION_MEMBERS:
        raise DeedError("exception 须恰有 detector（检测）、until（末日，如 2026-12-01）、most（上限，整数或 null）")
    kind, _, grant = document.id.partition(".")
    if kind != Kind.GRANT:
        raise DeedError("例外只能给签批单")
    return Exemption(
        grant, _detector(told["detector"]), _day(told["until"]), _most(told["most"]), incident_of(document.content)
    )


def check_release(document: Document, now: datetime) -> None:
    """What a release may say, beside that it releases. Raises `DeedError`."""
    named, exemption = document.content.get(INCIDENT), exemption_of(document)
    if named is not None and not (isinstance(named, str) and _NUMBER.fullmatch(named)):
        raise DeedError("incident 须为事件编号，16 位十六进制，见 bidui watch incidents")
    if exemption is None:
        return
    if not exemption.incident:
        raise DeedError("给例外须写明所解除的事件编号 incident")
    if exemption.detector in NEVER_EXCEPTED:
        raise DeedError(f"检测 {exemption.detector.value} 不得例外")
    today = local_day(now)
    if not today <= exemption.until <= today + timedelta(days=MOST_EXCEPTION_DAYS):
        raise DeedError(f"例外的末日须为今日起 {MOST_EXCEPTION_DAYS} 日之内")


def _detector(value: JsonValue) -> Detector:
    if value not in list(Detector):
        raise DeedError(f"exception.detector 须为其中之一：{'、'.join(Detector)}")
    return Detector(str(value))


def _day(value: JsonValue) -> date:
    try:
        if isinstance(value, str) and date.fromisoformat(value).isoformat() == value:
            return date.fromisoformat(value)
    except ValueError:
        pass
    raise DeedError("exception.until 须为日期，写作 2026-12-01")


def _most(value: JsonValue) -> int | None:
    if value is None:
        return None
    if type(value) is not int or not 0 < value <= MAX_INTEGER:
        raise DeedError("exception.most 须为正整数，或 null（此期间该检测不计）")
    return value
