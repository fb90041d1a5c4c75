"""What entries of comparisons hide, opened for the watch alone: the number, who asked, and what the watch saw.

Frames are opened many at a time. Whatever an entry did not commit to counts as altered, what its key was destroyed for
as gone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec

from audit.data_keys import MonthKeys
from audit.disclosure import Disclosure, DisclosureKeys, open_frame
from audit.entry import JsonValue
from audit.errors import AuditError, DisclosureError
from audit.frames import Frame
from audit.packing import NONCE_BYTES, counter, open_pack
from audit.suite import Cryptor
from audit.tokens import TOKEN_BYTES

_SUBJECT, _OPERATOR, _INNER = "subject", "operator", "inner"
_HELD: Final = 4096
"""Ciphers of people that are kept set up."""


class Sealed(NamedTuple):
    """An entry as it is stored: its id, the digests it commits to, and what lies beside it."""

    id: str
    digests: frozenset[str]
    packed: bytes


class Opened(msgspec.Struct):
    """What was found. `gone` are names that no key opens any more, or that are not there; `altered` says what is wrong.

    What was found hides in `repr`.
    """

    values: dict[str, JsonValue]
    gone: set[str]
    altered: str = ""

    def __repr__(self) -> str:
        return f"Opened(gone={sorted(self.gone)}, altered={self.altered!r})"


class Opener:
    """Opens under the keys of a home, or of one that was copied for it."""

    def __init__(self, keys: DisclosureKeys) -> None:
        self._keys = keys
        self._ciphers: dict[tuple[str, bytes], Cryptor | None] = {}

    def open(self, entries: Sequence[Sealed]) -> list[Opened]:
        """What each entry hides, in order."""
        months = dict[str, MonthKeys | None]()
        return [self._open(each, months) for each in entries]

    def _open(self, sealed: Sealed, months: dict[str, MonthKeys | None]) -> Opened:
        found = Opened({}, {_SUBJECT, _OPERATOR, _INNER})
        if not sealed.packed:
            return found
        try:
            kid, frames = open_pack(sealed.packed)
            if kid not in months:
                months[kid] = self._keys.open(kid)
            self._open_frames(sealed, months[kid], frames, found)
        except (AuditError, ValueError) as error:
            found.altered = str(error)
        return found

    def _open_frames(
        self, sealed: Sealed, month: MonthKeys | None, frames: Sequence[tuple[Frame, bytes]], found: Opened
    ) -> None:
        personal = [(frame, blob) for frame, blob in frames if frame.is_personal]
        if month is None or not personal:
            return
        hidden = [blob[NONCE_BYTES : NONCE_BYTES + TOKEN_BYTES].ljust(TOKEN_BYTES) for _, blob in personal]
        counters = [counter(blob[:NONCE_BYTES].ljust(NONCE_BYTES), frame) for frame, blob in personal]
        for (frame, blob), point in zip(personal, month.veil(hidden, counters), strict=True):
            cipher = self._cipher(month, point)
            if cipher is not None:
                _take(found, frame, open_frame(sealed.id, frame, blob, cipher), sealed.digests)

    def _cipher(self, month: MonthKeys, point: bytes) -> Cryptor | None:
        place = month.kid, point
        if place not in self._ciphers:
            if len(self._ciphers) >= _HELD:
                self._ciphers.clear()
            self._ciphers[place] = month.cipher(point)
        return self._ciphers[place]


def _take(found: Opened, frame: Frame, lines: Sequence[bytes], digests: frozenset[str]) -> None:
    for name, line in zip(frame.label.decode().split(","), lines, strict=True):
        disclosure = Disclosure(name, line)
        if disclosure.digest() not in digests:
            raise DisclosureError(f"the disclosure of {name} is not the one the entry commits to")
        found.values[name] = disclosure.reveal()
        found.gone.discard(name)
