"""Deeds as they come from a gateway, believed only as far as their bytes go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from audit.entry import JsonValue
from gateway.deeds.deed import Deed, read_deed
from gateway.deeds.document import Document, Kind, digest, read_document
from gateway.deeds.errors import DeedError
from ops.cli.console import Exit
from ops.cli.office.client import OfficeClient, Told, from_text, rows
from ops.cli.office.problems import OfficeError, TamperedError

DEEDS = "/v1/office/deeds"
DIGEST_HEX, SHORTEST_PREFIX = 64, 8


@dataclass(frozen=True, slots=True)
class Read:
    """A deed, its document, what the version before it says, and what the gateway tells besides."""

    deed: Deed
    document: Document
    before: Mapping[str, JsonValue]
    told: Told

    @property
    def digest(self) -> str:
        return self.deed.digest


def read_pending(client: OfficeClient, named: str) -> Read:
    """A deed that waits for signatures, by its digest or the first digits of it. Raises `OfficeError`."""
    whole = _whole_digest(client, named)
    told = client.get(f"{DEEDS}/{whole}")
    deed = opened(told)
    if deed.digest != whole:
        raise TamperedError("网关给出的文书与所要的摘要不符")
    document = deed.document
    return Read(deed, document, _before(client, document), told)


def versions(client: OfficeClient, kind: str, deed_id: str) -> list[Told]:
    """Everything that ever was of one thing; empty for what never was."""
    try:
        return rows(client.get(f"{DEEDS}/{quote(kind, safe='')}/{quote(deed_id, safe='')}"), "versions")
    except OfficeError as error:
        if error.kind == "not-found":
            return []
        raise


def in_force(found: list[Told]) -> Told | None:
    """The version in force among these."""
    return next((each for each in reversed(found) if each["state"] == "in_force"), None)


def content_in_force(client: OfficeClient, kind: Kind, deed_id: str) -> dict[str, JsonValue]:
    """What is in force says. Raises `OfficeError`."""
    told = in_force(versions(client, kind.value, deed_id))
    if told is None:
        raise OfficeError(f"没有生效的 {kind.value} {deed_id}", Exit.USAGE, "not-found")
    return dict(opened(told).document.content)


def opened(told: Told) -> Deed:
    """The deed in an answer. Raises `TamperedError`."""
    try:
        deed = read_deed(from_text(told.get("deed")))
        _ = deed.document
    except DeedError:
        raise TamperedError("网关给出的不是文书") from None
    return deed


def _whole_digest(client: OfficeClient, named: str) -> str:
    if len(named) == DIGEST_HEX:
        return named
    found = {str(each["digest"]) for each in rows(client.get(DEEDS), "deeds")}
    fitting = [each for each in found if each.startswith(named)]
    if len(named) < SHORTEST_PREFIX or len(fitting) != 1:
        text = f"没有唯一一份待签文书的摘要以此开头；请写至少 {SHORTEST_PREFIX} 位，见 bidui deed list"
        raise OfficeError(text, Exit.USAGE, "not-found")
    return fitting[0]


def _before(client: OfficeClient, document: Document) -> Mapping[str, JsonValue]:
    """What the version says that this one follows, found by its digest."""
    if document.previous is None:
        return {}
    for told in versions(client, document.kind.value, document.id):
        encoded = opened(told).last.document
        if digest(encoded) == document.previous:
            return read_document(encoded).content
    raise TamperedError("网关没有给出此文书所接续的上一版")
