"""How the disclosures of an entry are kept: its frames, one behind the other, after the month whose keys they need.

3 · length and name of the month · for each frame: code · length · nonce · hidden point, if it is about somebody ·
ciphertext
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Final, NamedTuple

from audit.data_keys import MonthKeys
from audit.errors import DisclosureError
from audit.frames import FRAMES, Frame
from audit.tokens import TOKEN_BYTES, Point

NONCE_BYTES: Final = 12
_TAG: Final = 16
_VERSION: Final = b"\x03"


class Sealed(NamedTuple):
    """A disclosure as it is kept: its line in a frame, which month's keys, and the frame.

    A frame is a nonce, the hidden point of whom it is about if it is about somebody, and the ciphertext.
    """

    label: str
    line: int
    kid: str
    blob: bytes

    @property
    def name(self) -> str:
        """The name of this disclosure."""
        return self.label.split(",")[self.line]


def unpack(packed: bytes) -> Iterator[Sealed]:
    """Read what `Sealer.seal` packed. Raise `DisclosureError` when the bytes are cut or of another form."""
    kid, frames = open_pack(packed)
    for frame, blob in frames:
        for line in range(frame.lines):
            yield Sealed(frame.label.decode(), line, kid, blob)


def without(packed: bytes, labels: Collection[str]) -> bytes:
    """Return a pack without the frames of these labels. Raise `DisclosureError` like `unpack`."""
    kid, frames = open_pack(packed)
    kept = [_head_of(frame.code, blob) + blob for frame, blob in frames if frame.label.decode() not in labels]
    return beginning(kid) + b"".join(kept)


def month_of(packed: bytes) -> str:
    """Return the month whose keys a pack needs, empty for bytes that are none."""
    return packed[2:9].decode("ascii", "replace") if packed[:2] == _VERSION + b"\x07" else ""


def points_in(packed: bytes, keys: MonthKeys) -> Iterator[tuple[str, Point]]:
    """Yield the label of each personal frame and whom it is about, also when their key was destroyed."""
    for frame, blob in open_pack(packed)[1]:
        if frame.is_personal:
            yield frame.label.decode(), Point(point_of(frame, blob, keys))


def open_pack(packed: bytes) -> tuple[str, list[tuple[Frame, bytes]]]:
    """Return the month of a pack and its frames. Raise `DisclosureError` like `unpack`."""
    if packed[:1] != _VERSION:
        raise DisclosureError("these disclosures are of an unknown form")
    kid, rest = _take(packed[1:], 1)
    frames: list[tuple[Frame, bytes]] = []
    while rest:
        frame = FRAMES.get(rest[0])
        if frame is None:
            raise DisclosureError("a frame of an unknown code")
        blob, rest = _take(rest[1:], 2)
        frames.append((frame, blob))
    return kid.decode("ascii", "replace"), frames


def _take(rest: bytes, width: int) -> tuple[bytes, bytes]:
    end = width + int.from_bytes(rest[:width], "big")
    if len(rest) < width or len(rest) < end:
        raise DisclosureError("the disclosures of an entry are cut off")
    return rest[width:end], rest[end:]


def point_of(frame: Frame, blob: bytes, keys: MonthKeys) -> bytes:
    """The point of whom a frame is about, as it stands there: whether it is right shows when the frame is opened."""
    hidden = blob[NONCE_BYTES : NONCE_BYTES + TOKEN_BYTES].ljust(TOKEN_BYTES)
    return keys.veil([hidden], [counter(blob[:NONCE_BYTES].ljust(NONCE_BYTES), frame)])[0]


def counter(nonce: bytes, frame: Frame) -> bytes:
    """What a point is hidden by: never the same twice, because nonces are not."""
    return nonce + frame.code.to_bytes(TOKEN_BYTES - NONCE_BYTES, "big")


def ahead(frame: Frame) -> int:
    """Tell how many bytes stand before the ciphertext."""
    return NONCE_BYTES + (TOKEN_BYTES if frame.is_personal else 0)


def beginning(kid: str) -> bytes:
    """What every pack of a month begins with."""
    return b"%b%c%b" % (_VERSION, len(kid), kid.encode("ascii"))


def head_of(frame: Frame) -> bytes:
    """What stands before every frame of a kind."""
    return _head_of(frame.code, bytes(ahead(frame) + frame.length + _TAG))


def _head_of(code: int, blob: bytes) -> bytes:
    return b"%c%b" % (code, len(blob).to_bytes(2, "big"))


def bound_to(entry_id: str) -> bytes:
    """What ties a frame to its entry."""
    return b"bidui-disclosure/3\0%b\0" % entry_id.encode()
