"""Logs: one JSON object a line, and only of members that are on a list. Everything else is dropped, whoever logs it."""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import MutableMapping
from pathlib import Path
from traceback import walk_tb
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
        "place",
        "day",
        "detector",
        "dispute",
        "check",
        "incident",
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
_ROOT = Path(__file__).resolve().parent.parent
_ROOMS = frozenset({"adapters", "audit", "gateway", "ops", "policies"})


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
    sys.excepthook = lambda _, error, __: _uncaught(error)
    threading.excepthook = lambda caught: _uncaught(caught.exc_value)


def place(error: BaseException) -> str:
    """Where in our code it broke, such as `gateway/office.py:120`: what whoever mends it needs, and nobody's data."""
    lines = [(Path(frame.f_code.co_filename), line) for frame, line in walk_tb(error.__traceback__)]
    ours = [f"{path.relative_to(_ROOT).as_posix()}:{line}" for path, line in lines if _is_ours(path)]
    return ours[-1] if ours else ""


def _is_ours(path: Path) -> bool:
    return path.is_relative_to(_ROOT) and path.relative_to(_ROOT).parts[0] in _ROOMS


class _Names(logging.Formatter):
    """Of what a library logs only who it was, how bad it is and where it broke: its message may hold anything."""

    def format(self, record: logging.LogRecord) -> str:
        said = {"event": "library", "level": record.levelname, "error": record.name}
        if record.exc_info and record.exc_info[1]:
            said |= {"cause": type(record.exc_info[1]).__name__, "place": place(record.exc_info[1])}
        return msgspec.json.encode(said).decode()


def _uncaught(error: BaseException | None) -> None:
    if error is not None:
        structlog.get_logger().error("uncaught", error=type(error).__name__, place=place(error))


def scrub(_: object, __: str, event: MutableMapping[str, object]) -> MutableMapping[str, object]:
    """Drops every member that is not allowed, and whatever is neither a number nor a short word."""
    for name in [name for name, value in event.items() if name not in ALLOWED or not _is_plain(value)]:
        del event[name]
    return event


def _is_plain(value: object) -> bool:
    return isinstance(value, bool | int | float) or (isinstance(value, str) and len(value) <= _WORD)


def _render(_: object, __: str, event: MutableMapping[str, object]) -> bytes:
    return msgspec.json.encode(cast("dict[str, object]", event))
