"""What is kept from 安全管理员: that somebody asked for a purpose of which nobody outside the duty may know.

A purpose that is or ever was secret stays so here, and so does every grant for it: whoever takes the mark off a purpose
later does not lay open what was asked under it (docs/policy.md, 9).
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import cast

from gateway.deeds.document import Kind
from gateway.deeds.keeping import Kept
from gateway.review.bygone import DeedHistory
from gateway.trail.words import GRANT, PURPOSE, Word


@dataclass(frozen=True, slots=True)
class Secret:
    """Secret purposes, and the grants for them."""

    purposes: frozenset[str] = frozenset()
    grants: frozenset[str] = frozenset()

    def words(self) -> frozenset[Word]:
        """What an entry says that is not shown."""
        purposes = {(PURPOSE, each) for each in self.purposes}
        return frozenset(purposes | {(GRANT, each) for each in self.grants})


class Secrecy:
    """Reads all deeds that ever came into force, and only the new ones the next time."""

    def __init__(self, deeds: DeedHistory) -> None:
        self._deeds = deeds
        self._after = 0
        self._purposes: set[str] = set()
        self._granted: dict[str, set[str]] = {}
        self._one = Lock()

    def secret(self) -> Secret:
        """All that is secret. Raises `UnavailableError`."""
        with self._one:
            for kept in self._deeds.in_force(self._after):
                self._take(kept)
                self._after = max(self._after, kept.entry)
            grants = {grant for each in self._purposes for grant in self._granted.get(each, ())}
            return Secret(frozenset(self._purposes), frozenset(grants))

    def _take(self, kept: Kept) -> None:
        if kept.kind == Kind.RULEBOOKS:
            self._purposes.update(_secret_purposes(kept.opened().document.content))
        elif kept.kind == Kind.GRANT:
            purpose = kept.opened().document.content.get("purpose")
            self._granted.setdefault(str(purpose), set()).add(kept.id)


def _secret_purposes(content: Mapping[str, object]) -> Iterator[str]:
    files = cast("Mapping[str, str]", content.get("files", {}))
    for text in files.values():
        try:
            purposes = cast("Sequence[Mapping[str, object]]", tomllib.loads(text).get("purposes", ()))
        except tomllib.TOMLDecodeError:
            continue
        yield from (str(each.get("id", "")) for each in purposes if each.get("secret") is True)
