"""What people sign: one JSON object in canonical form (RFC 8785), the same bytes for everybody who signs or checks it.

    {"v": 1, "log": …, "kind": "grant", "id": …, "serial": 2, "previous": sha256 of serial 1's document,
     "path": "usual", "author": account that drew it up, "reason": …, "content": {…}}

`log` binds it to this installation. A later serial replaces an earlier one and names it by digest, so nobody can slip
another one in between.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from typing import cast

from audit.entry import JsonValue, decode, encode
from audit.errors import AuditError
from gateway.deeds.errors import DeedError

MAX_DOCUMENT_BYTES = 8 * 1024 * 1024
"""Room for rulebooks of ten thousand rules."""
MAX_SERIAL = 1_000_000
MAX_ID = 64
_ID = re.compile(rf"[\w〔〕()（）.\-]{{1,{MAX_ID}}}")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_MEMBERS = {"v", "log", "kind", "id", "serial", "previous", "path", "author", "reason", "content"}
NO_FORM = "此内容不能签署：只能用文本、整数、true、false、null、列表和表，键用英文字符，且不得过长或嵌套过深"


class Kind(StrEnum):
    """What a deed gives or changes."""

    PERSON = "person"
    PARTNER = "partner"
    SYSTEM = "system"
    JOB = "job"
    RULEBOOKS = "rulebooks"
    GRANT = "grant"
    COHORT = "cohort"
    AGREEMENT = "agreement"
    UNDERTAKING = "undertaking"
    FREEZE = "freeze"
    PARAMETERS = "parameters"
    ATTESTATION = "attestation"
    REVIEW = "review"
    REVEAL = "reveal"
    EXPORT = "export"
    ERASURE = "erasure"
    HOLD = "hold"
    RETENTION = "retention"
    ROLLOVER = "rollover"
    LOG_KEY = "log_key"
    UNSEALING = "unsealing"
    ACKNOWLEDGEMENT = "acknowledgement"
    THRESHOLDS = "thresholds"


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One version of a deed, before anybody has signed it."""

    log: str
    kind: Kind
    id: str
    serial: int
    previous: str | None
    path: str
    author: str
    reason: str
    content: Mapping[str, JsonValue]

    def encode(self) -> bytes:
        """The bytes that are signed. Raises `DeedError` for content that has no canonical form."""
        try:
            return encode(self._members(), MAX_DOCUMENT_BYTES)
        except AuditError:
            raise DeedError(NO_FORM) from None

    def _members(self) -> JsonValue:
        return {
            "v": 1,
            "log": self.log,
            "kind": self.kind.value,
            "id": self.id,
            "serial": self.serial,
            "previous": self.previous,
            "path": self.path,
            "author": self.author,
            "reason": self.reason,
            "content": self.content,
        }


def digest(document: bytes) -> str:
    """What signatures and later serials name a document by: SHA-256, in hex."""
    return sha256(document).hexdigest()


def read_document(encoded: bytes) -> Document:
    """The document in these bytes. Raises `DeedError` for anything but the canonical form of one."""
    try:
        members = decode(encoded, MAX_DOCUMENT_BYTES)
    except AuditError:
        raise DeedError("文书不是规范的 JSON（RFC 8785），请核对来源或重新导出") from None
    if not isinstance(members, dict) or set(members) != _MEMBERS or members["v"] != 1:
        raise DeedError(f"文书须恰有这些成员：{'、'.join(sorted(_MEMBERS))}，且 v 为 1")
    document = _checked(cast("Mapping[str, JsonValue]", members))
    if document.encode() != encoded:
        raise DeedError("文书中有成员的类型不对，请改正")
    return document


def _checked(members: Mapping[str, JsonValue]) -> Document:
    texts = {name: members[name] for name in ("log", "kind", "id", "path", "author", "reason")}
    content, serial, previous = members["content"], members["serial"], members["previous"]
    if not all(isinstance(text, str) for text in texts.values()) or not isinstance(content, dict):
        raise DeedError("文书中有成员的类型不对，请改正")
    if texts["kind"] not in list(Kind) or not _ID.fullmatch(str(texts["id"])):
        raise DeedError("文书的 kind 不在所列种类之中，或 id 含有不允许的字符，请改正")
    document = Document(
        log=str(texts["log"]),
        kind=Kind(str(texts["kind"])),
        id=str(texts["id"]),
        serial=serial if type(serial) is int else 0,
        previous=previous if isinstance(previous, str) else None,
        path=str(texts["path"]),
        author=str(texts["author"]),
        reason=str(texts["reason"]),
        content=cast("Mapping[str, JsonValue]", content),
    )
    _check_place(document)
    return document


def _check_place(document: Document) -> None:
    """A first serial follows nothing, every other one something."""
    follows = document.previous is not None
    is_named = not follows or bool(_DIGEST.fullmatch(document.previous or ""))
    if not 1 <= document.serial <= MAX_SERIAL or follows != (document.serial > 1) or not is_named:
        raise DeedError("文书的版次 serial 与所接续的上一版 previous 不符，请重新拟稿")
