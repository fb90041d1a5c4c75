"""The commonest kind of entry, an answered comparison, read into a form of its own: thrice as fast as JSON at large.

Nearly all entries of a log are of this form, and a verifier reads them all. `read_answer` accepts exactly what it would
write itself, byte for byte, so it accepts nothing that is not canonical; what it does not accept is read the long way.
"""

from typing import Annotated, Literal, TypeAlias

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from audit.entry import MAX_ENTRY_BYTES, MAX_INTEGER
from audit.frames import SLOTS

Number: TypeAlias = Annotated[int, Meta(ge=-MAX_INTEGER, le=MAX_INTEGER)]
Instant: TypeAlias = Annotated[str, Meta(min_length=27, max_length=27)]


class _Data(Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    time: str
    version: str


class _Policy(Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    number: Number
    sha256: str


class _Outcome(Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    fields: dict[str, str]
    subject: str


class _Body(Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    as_of: str | None
    client: str
    counts: dict[str, Number]
    data: _Data | None
    fields: list[list[str]]
    grant: str | None
    kind: str
    network: str
    outcome: _Outcome
    policy: _Policy
    purpose: str
    request_sha256: str
    response_sha256: str
    rules: list[str]
    signature: str | UnsetType = UNSET


class Answer(Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """An entry of this form, its members in canonical order."""

    _sd: Annotated[list[str], Meta(min_length=SLOTS, max_length=SLOTS)]
    body: _Body
    id: str
    log_time: Instant
    node: str
    partner: str
    pprev: str | None
    pseq: Number
    seq: Number
    suite: str
    time: Instant
    type: Literal["comparison.answered"]
    v: Literal[1]


def read_answer(content: bytes) -> Answer | None:
    """Read an entry of this form from its canonical bytes; None for everything else, also for what is nearly that."""
    if len(content) > MAX_ENTRY_BYTES or not content.isascii():
        return None
    try:
        answer = _read(content)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return answer if _write(answer) == content else None


_read = msgspec.json.Decoder(Answer).decode
# Members of a form are written as they stand above, those of mappings in order.
_write = msgspec.json.Encoder(order="deterministic").encode
