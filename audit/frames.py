"""Frames: which disclosures are encrypted together, and how long each ciphertext is, whatever it hides.

A person's number is erased alone, so it has a frame alone. Operator, matter and inner cause are erased together, and so
are the rules behind a refusal. A frame never grows, and all frames of one label are equally long.
"""

from collections.abc import Mapping

from msgspec import Struct

SLOTS = 6
"""Digests of every entry, decoys among them."""
_AROUND = len(b'["","",]') + 24
"""What stands around a value besides its name: brackets, quotes and the salt as text."""


class Frame(Struct, frozen=True, gc=False):
    """Disclosures that are encrypted together, a line each, filled up to one length."""

    label: bytes
    """Their names, with commas: what the frame is called where it is kept."""
    lines: int
    """How many they are."""
    room: int
    """Bytes for all their values together."""
    length: int


class Form(Struct, frozen=True):
    """Disclosures that are sealed in one go, by name, and the frames they go into."""

    names: tuple[bytes, ...]
    frames: tuple[Frame, ...]


def _form(*rooms: tuple[str, int]) -> Form:
    """Make a form from the label of each frame and the room in it."""
    names: list[bytes] = []
    frames: list[Frame] = []
    for label, room in rooms:
        lines = label.encode().split(b",")
        around = sum(_AROUND + len(name) for name in lines) + len(lines) - 1
        frames.append(Frame(label.encode(), len(lines), room, around + room))
        names += lines
    return Form(tuple(names), tuple(frames))


_SUBJECT = ("subject", 34)
_CONTEXT = ("operator,matter,inner", 712)
_RULES = ("rules", 568)

FORMS: Mapping[str, Form] = {
    "subject": _form(_SUBJECT),
    "comparison": _form(_SUBJECT, _CONTEXT),
    "rules": _form(_RULES),
}
"""A subject's number has up to 32 characters. Operator and matter have up to 64 of any script, because unknown ones are
recorded too; beside both, 196 bytes are left for the inner cause. Four comparisons fill a page of 4 KiB."""
