"""Logs: one JSON object a line, and only of members that are on a list. Everything else is dropped, whoever logs it."""

from __future__ import annotations

import logging
from collections.abc import MutableMapping
from typing import cast

import msgspec
import structlog

ALLOWED = frozenset(
    {
        "event",
        "level",
        "time",
        "route",
        "status",
        "milliseconds",
        "partner",
        "client",
        "requests",
        "error",
        "cause",
        "generation",
        "data_version",
        "size",
        "state",
        "index",
        "port",
        "rows",
        "sealed",
        "refused",
        "epoch",
        "grants",
    }
)
"""What a line may hold: names, numbers and codes of ours. A member that could carry a person's data is not here."""

_WORD = 200


def configure(level: int = logging.INFO) -> None:
    """Sets up structlog for the process, and quiets libraries that would log what they are given."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
            scrub,
            _render,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.BytesLoggerFactory(),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(level=logging.WARNING, format='{"event":"library","level":"%(levelname)s","error":"%(name)s"}')


def scrub(_: object, __: str, event: MutableMapping[str, object]) -> MutableMapping[str, object]:
    """Drops every member that is not allowed, and whatever is neither a number nor a short word."""
    for name in [name for name, value in event.items() if name not in ALLOWED or not _is_plain(value)]:
        del event[name]
    return event


def _is_plain(value: object) -> bool:
    return isinstance(value, bool | int | float) or (isinstance(value, str) and len(value) <= _WORD)


def _render(_: object, __: str, event: MutableMapping[str, object]) -> bytes:
    return msgspec.json.encode(cast("dict[str, object]", event))
