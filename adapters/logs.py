"""Logs: one JSON object a line, and only of members that are on a list. Everything else is dropped, whoever logs it."""

from __future__ import annotations

import logging
import sys
import threading
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
    handler = logging.StreamHandler()
    handler.setFormatter(_Names())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    sys.excepthook = lambda kind, _, __: _uncaught(kind)
    threading.excepthook = lambda caught: _uncaught(caught.exc_type)


class _Names(logging.Formatter):
    """Of what a library logs only who it was and how bad it is: its message and its traceback may hold anything."""

    def format(self, record: logging.LogRecord) -> str:
        return msgspec.json.encode({"event": "library", "level": record.levelname, "error": record.name}).decode()


def _uncaught(kind: type[BaseException]) -> None:
    """What nobody caught ends as its name; its text may hold what was asked."""
    structlog.get_logger().error("uncaught", error=kind.__name__)


def scrub(_: object, __: str, event: MutableMapping[str, object]) -> MutableMapping[str, object]:
    """Drops every member that is not allowed, and whatever is neither a number nor a short word."""
    for name in [name for name, value in event.items() if name not in ALLOWED or not _is_plain(value)]:
        del event[name]
    return event


def _is_plain(value: object) -> bool:
    return isinstance(value, bool | int | float) or (isinstance(value, str) and len(value) <= _WORD)


def _render(_: object, __: str, event: MutableMapping[str, object]) -> bytes:
    return msgspec.json.encode(cast("dict[str, object]", event))
