"""Reading TOML strictly: unknown keys, empty lists, odd names and invisible characters are errors, never repaired."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from typing import Final, cast

from policies.problems import FlawError, Pitfall

Table = Mapping[str, object]

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def parse_toml(raw: bytes) -> Table:
    """The table of UTF-8 TOML without byte order mark; raises `FlawError`."""
    if raw.startswith(b"\xef\xbb\xbf"):
        raise FlawError(Pitfall.BOM, "U+FEFF")
    try:
        return tomllib.loads(raw.decode("utf-8"))
    except (ValueError, RecursionError) as error:  # also numbers of thousands of digits, and brackets without end
        raise FlawError(Pitfall.UNREADABLE, str(error)) from None


def check_keys(table: Table, required: frozenset[str], optional: frozenset[str] = frozenset()) -> None:
    """Raise `FlawError` for a key too many or too few."""
    if unknown := table.keys() - required - optional:
        raise FlawError(Pitfall.UNKNOWN_KEY, ", ".join(sorted(unknown)))
    if missing := required - table.keys():
        raise FlawError(Pitfall.MISSING_KEY, ", ".join(sorted(missing)))


def text(table: Table, key: str) -> str:
    """One line of printable text."""
    value = table[key]
    if not isinstance(value, str):
        raise FlawError(Pitfall.WRONG_TYPE, key)
    if not value.strip() or not value.isprintable():
        raise FlawError(Pitfall.BAD_TEXT, key)
    return value


def flag(table: Table, key: str) -> bool:
    """Whether the table says `key = true`; absent is false."""
    value = table.get(key, False)
    if not isinstance(value, bool):
        raise FlawError(Pitfall.WRONG_TYPE, key)
    return value


def texts(table: Table, key: str) -> tuple[str, ...]:
    """A list of different texts, at least one."""
    value = table[key]
    if not isinstance(value, list):
        raise FlawError(Pitfall.WRONG_TYPE, key)
    items = tuple(text({key: item}, key) for item in cast("list[object]", value))
    if not items:
        raise FlawError(Pitfall.EMPTY, key)
    if len(set(items)) < len(items):
        raise FlawError(Pitfall.DUPLICATE, key)
    return items


def name(word: str) -> str:
    """The word itself, if it can stand in a Casbin row whatever reads that row."""
    if _NAME.fullmatch(word) is None:
        raise FlawError(Pitfall.BAD_NAME, repr(word[:80]))
    return word


def kind_name(word: str, *kinds: str) -> str:
    """The word itself, if it is `kind:name` with one of these kinds."""
    kind, colon, bare = word.partition(":")
    if not colon or kind not in kinds:
        raise FlawError(Pitfall.WRONG_KIND, f"{word[:80]!r} ({' | '.join(kinds)})")
    name(bare)
    return word


def names(table: Table, key: str) -> tuple[str, ...]:
    """A list of different names, at least one."""
    return tuple(name(word) for word in texts(table, key))


def tables(table: Table, key: str) -> tuple[Table, ...]:
    """The tables of an array of tables; none if the key is absent."""
    value = table.get(key, [])
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in cast("list[object]", value)):
        raise FlawError(Pitfall.WRONG_TYPE, key)
    return tuple(cast("list[Table]", value))
