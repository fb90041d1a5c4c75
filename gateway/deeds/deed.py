"""A deed as it is kept and passed on: its drafts, each with the signatures under it.

Most deeds have one draft. A grant may have several: a reviewer who narrows it draws up the next one, and the
signatures before stay under what they were made for. The last draft is what counts.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from gateway.deeds.document import Document, digest, read_document
from gateway.deeds.errors import DeedError
from gateway.deeds.signature import Signature

MAX_DRAFTS = 8


class Draft(msgspec.Struct, frozen=True, array_like=True):
    """One document and the signatures under it, in the order of their steps."""

    document: bytes
    signatures: tuple[Signature, ...] = ()


class Deed(msgspec.Struct, frozen=True, array_like=True):
    """All drafts of one serial; the last one counts."""

    drafts: tuple[Draft, ...]

    @property
    def document(self) -> Document:
        """What it says in the end. Raises `DeedError`."""
        return read_document(self.last.document)

    @property
    def last(self) -> Draft:
        if not 0 < len(self.drafts) <= MAX_DRAFTS:
            raise DeedError(f"一份文书须有 1 至 {MAX_DRAFTS} 稿，请重新拟稿")
        return self.drafts[-1]

    @property
    def digest(self) -> str:
        """SHA-256 of the last draft's document, in hex."""
        return digest(self.last.document)

    @property
    def signatures(self) -> tuple[Signature, ...]:
        """All of them, in order."""
        return tuple(signature for draft in self.drafts for signature in draft.signatures)

    def seen_at(self, now: datetime) -> datetime:
        """Now; or when it was signed, if our clock has stepped back since: what came into force is of no future.

        For deeds that are recorded already. Whoever takes a signature first holds it against the clock itself.
        Raises `DeedError`.
        """
        return max([now, *(signature.time() for signature in self.signatures)])

    def signed(self, signature: Signature) -> Deed:
        """The same with one more signature under the last draft."""
        last = Draft(self.last.document, (*self.last.signatures, signature))
        return Deed((*self.drafts[:-1], last))

    def redrawn(self, document: bytes) -> Deed:
        """The same with another draft behind the last one."""
        return Deed((*self.drafts, Draft(document)))

    def encode(self) -> bytes:
        """As it is stored and sent."""
        return _encoder.encode(self)


def drawn(document: Document) -> Deed:
    """A deed that nobody has signed yet."""
    return Deed((Draft(document.encode()),))


def read_deed(encoded: bytes) -> Deed:
    """Raises `DeedError`, also for a deed in another spelling. What it says and who signed is checked by the roll."""
    try:
        deed = _decoder.decode(encoded)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise DeedError("这不是文书，请核对来源或重新导出") from None
    if deed.encode() != encoded:
        raise DeedError("文书的编码不是保存和传送所用的编码，请核对来源或重新导出")
    return deed


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Deed)
