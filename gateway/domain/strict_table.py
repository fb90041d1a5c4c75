"""TOML tables read strictly: unknown, missing and empty members are errors that say where, and never repeat a value."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from typing import cast

_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d)")


class PartnerFileError(ValueError):
    """A partner file cannot be used. The text names the file, the place and what to do; never a name or a key."""


class Table:
    """One TOML table with its place, so that every complaint says where. Made only with exactly the known keys."""

    def __init__(
        self,
        data: Mapping[str, object],
        where: str,
        required: set[str],
        optional: frozenset[str] | set[str] = frozenset(),
    ) -> None:
        self.data, self.where = data, where
        if unknown := sorted(data.keys() - required - optional):
            allowed = "、".join(sorted(required | optional))
            raise PartnerFileError(f"{where}：有不认识的键 {'、'.join(unknown)}；可用的键：{allowed}")
        if missing := sorted(required - data.keys()):
            raise PartnerFileError(f"{where}：请补上 {'、'.join(missing)}")

    def refuse(self, key: str, what: str) -> PartnerFileError:
        return PartnerFileError(f"{self.where}：{key} {what}")

    def text(self, key: str) -> str:
        value = self.data[key]
        if not isinstance(value, str) or not value.strip() or len(value) > 1200:
            raise self.refuse(key, "须为非空文本，且不得过长")
        return value

    def word(self, key: str, pattern: re.Pattern[str]) -> str:
        value = self.text(key)
        if not pattern.fullmatch(value):
            raise self.refuse(key, f"须符合 {pattern.pattern}")
        return value

    def choice(self, key: str, allowed: tuple[str, ...]) -> str:
        value = self.text(key)
        if value not in allowed:
            raise self.refuse(key, f"须为其中之一：{'、'.join(allowed)}")
        return value

    def texts(self, key: str) -> list[str]:
        value = self.data[key]
        if (
            not isinstance(value, list)
            or not value
            or not all(isinstance(each, str) for each in cast("list[object]", value))
        ):
            raise self.refuse(key, "须为非空的文本列表")
        return cast("list[str]", value)

    def choices(self, key: str, allowed: tuple[str, ...], otherwise: tuple[str, ...]) -> list[str]:
        """A list of some of these, each once; or what holds where nothing is said."""
        if key not in self.data:
            return list(otherwise)
        values = self.texts(key)
        if set(values) - set(allowed) or len(set(values)) != len(values):
            raise self.refuse(key, f"须从 {'、'.join(allowed)} 中选列，不得重复")
        return values

    def flag(self, key: str) -> bool:
        """True or false; false where nothing is said."""
        value = self.data.get(key, False)
        if not isinstance(value, bool):
            raise self.refuse(key, "须为 true 或 false")
        return value

    def moment(self, key: str) -> datetime | None:
        """A moment with its offset, as TOML has it or as text, or None where nothing is said."""
        value = self.data.get(key)
        if value is None:
            return None
        if isinstance(value, str) and _MOMENT.fullmatch(value):
            with suppress(ValueError):
                value = datetime.fromisoformat(value)
        if not isinstance(value, datetime) or value.tzinfo is None:
            raise self.refuse(key, "须为带时区的时刻，如 2027-01-01T00:00:00+08:00")
        return value

    def items(self, key: str) -> list[object]:
        """A list of anything, not empty."""
        value = self.data[key]
        if not isinstance(value, list) or not value:
            raise self.refuse(key, "须为非空列表")
        return cast("list[object]", value)

    def places(self, key: str) -> list[tuple[object, str]]:
        """What a list holds, each with its place."""
        return [(each, f"{self.where}：{key}[{number}]") for number, each in enumerate(self.items(key), 1)]

    def rows(self, key: str, required: set[str], optional: frozenset[str] | set[str]) -> list[Table]:
        return [Table(mapping(row, place), place, required, optional) for row, place in self.places(key)]


def mapping(value: object, where: str) -> Mapping[str, object]:
    if not isinstance(value, Mapping):
        raise PartnerFileError(f"{where} 须为表")
    return cast("Mapping[str, object]", value)


def refuse_doubles(where: str, key: str, values: list[str]) -> None:
    if len(set(values)) != len(values):
        raise PartnerFileError(f"{where}：{key} 中有重复，请只保留一处")
