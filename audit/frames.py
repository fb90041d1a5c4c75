"""Frames: which disclosures are encrypted together, and how long each ciphertext is, whatever it hides.

A frame is about one person and lies under a key of theirs: the subject's number alone; the operator with the matter
they named and the inner cause of what they were told. The rules behind a refusal and a finding of the watch are about
nobody. A frame never grows, and all frames of one label are equally long.
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
    code: int
    """What stands for the label where the frame is kept."""
    is_personal: bool
    """Whether it is about a person; a form says about whom in the order of its personal frames."""


class Form(Struct, frozen=True):
    """Disclosures that are sealed in one go, by name, and the frames they go into."""

    names: tuple[bytes, ...]
    frames: tuple[Frame, ...]
    personal: int
    """How many of them are about a person."""


_ROOMS: Mapping[str, tuple[int, bool]] = {
    "subject": (34, True),
    "operator,matter,inner": (712, True),
    "rules": (568, False),
    "finding": (568, False),
}
"""Of each label the room for its values, and whether it is about a person. Only ever added to: the place is the code.

A subject's number has up to 32 characters. Operator and matter have up to 64 of any script, because unknown ones are
recorded too; beside both, 196 bytes are left for the inner cause. Four comparisons fill a page of 4 KiB.
"""


def _frame(code: int, label: str) -> Frame:
    (room, is_personal), names = _ROOMS[label], label.encode().split(b",")
    around = sum(_AROUND + len(name) for name in names) + len(names) - 1
    return Frame(label.encode(), len(names), room, around + room, code, is_personal)


FRAMES: Mapping[int, Frame] = {code: _frame(code, label) for code, label in enumerate(_ROOMS, 1)}
"""Every frame by its code."""


BY_LABEL: Mapping[str, Frame] = {frame.label.decode(): frame for frame in FRAMES.values()}


def _form(*codes: int) -> Form:
    frames = tuple(FRAMES[code] for code in codes)
    return Form(
        tuple(name for frame in frames for name in frame.label.split(b",")), frames, sum(f.is_personal for f in frames)
    )


FORMS: Mapping[str, Form] = {"subject": _form(1), "comparison": _form(1, 2), "rules": _form(3), "finding": _form(4)}
