"""Logs of this home that were closed, each in a folder of its own; and one that is about to take the place of another.

closed/<name>/   control.sqlite  checkpoints/  trust.json  serve.toml
next/complete    the log beside it is whole, and its parts are being put in their places
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from audit.errors import LedgerError
from audit.reader import LedgerReader
from audit.rollover import closing_of
from audit.trust import Trust, parse_trust
from ops.settings import Home, ServeSettings, SettingsError, load

NEXT, CLOSED, COMPLETE = "next", "closed", "complete"
DATABASE, TRUST, SETTINGS = "control.sqlite", "trust.json", "serve.toml"


def folder_name(origin: str) -> str:
    """How the folder of a log is called."""
    return re.sub(r"\W", "_", origin)


def closed_homes(home: Home) -> Iterator[Home]:
    """A home of each closed log, for reading; the oldest first. Its keys are not there."""
    folders = [each for each in (home.path / CLOSED).glob("*") if (each / SETTINGS).is_file()]
    for path in sorted(folders, key=lambda each: (each / SETTINGS).stat().st_mtime_ns):
        yield replace(home, path=path)


def closed_home(home: Home, name: str) -> Home:
    """That of one log, by its name or that of its folder. Raises `LedgerError`."""
    for each in closed_homes(home):
        if each.path.name == folder_name(name):
            return each
    known = "、".join(each.path.name for each in closed_homes(home)) or "无"
    raise LedgerError(f"closed/ 中没有此名称的存证账；现有：{known}")


def closed_of(home: Home, origin: str) -> Home | None:
    """That of the log of this name, if it is there."""
    return next((each for each in closed_homes(home) if trust_of(each).origin == origin), None)


def database_of(closed: Home) -> str:
    """Where the database of a closed log is."""
    return f"sqlite:///{closed.path / DATABASE}"


def trust_of(home: Home) -> Trust:
    """The trust file of a home, closed or not."""
    return parse_trust((home.path / TRUST).read_bytes())


def origin_of(home: Home) -> str:
    """The name that the settings give the log."""
    return load(home, SETTINGS, ServeSettings).origin


def check_settled(home: Home) -> None:
    """Raises `SettingsError` while a log is being put in the place of another: nobody writes meanwhile."""
    if is_unsettled(home):
        raise SettingsError("换册尚未完成：请再次运行 bidui log roll")


def is_unsettled(home: Home) -> bool:
    """Whether somebody was interrupted while a log was put in the place of another."""
    return (home.path / NEXT / COMPLETE).exists()


def old_place(home: Home, origin: str) -> Path:
    """Where a log of this name goes when it is closed."""
    return home.path / CLOSED / folder_name(origin)


def check_open(reader: LedgerReader) -> None:
    """Raises `SettingsError` for a log that was closed: nothing may be written behind its last entry."""
    if closing_of(reader) is not None:
        raise SettingsError("存证账已关闭，后继尚未启用：请再次运行 bidui log roll")
