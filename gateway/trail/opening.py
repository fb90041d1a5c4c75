"""Opening what of an entry's disclosures can be opened, for finding it; nothing of it is kept or shown.

Indexing reads no number and no name: whom a frame is about stands before it as a point, and the matter alone is opened.
So the index may be misled by bytes that somebody changed, which no hit is: `terms` opens everything and holds it
against what the entry committed to.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple, cast

from audit.data_keys import MonthKeys
from audit.disclosure import Disclosure, DisclosureKeys, is_committed, open_frame, unseal
from audit.entry import JsonValue
from audit.errors import AuditError, DisclosureError
from audit.frames import Frame
from audit.packing import NONCE_BYTES, counter, month_of, open_pack, unpack
from audit.suite import Cryptor
from audit.tokens import TOKEN_BYTES, Point, Tokens, epoch_of
from gateway.trail.words import MATTER, OPERATOR, SUBJECT, Entry, accounts_of, body_of

PERSON: Final = "person"
_SOUGHT: Final = frozenset({SUBJECT, OPERATOR, MATTER})
_HELD: Final = 4096


class Found(NamedTuple):
    """What one entry is found by beside its words; of a person it is the text of their point."""

    field: str
    value: str


class _Framed(NamedTuple):
    """A frame of one of many entries."""

    place: int
    entry_id: str
    frame: Frame
    blob: bytes


class Opener:
    """Opens disclosures. May be shared between threads."""

    def __init__(self, keys: DisclosureKeys, tokens: Tokens) -> None:
        self._keys, self._tokens = keys, tokens
        self._nobody = {tokens.point(kind, "").digest for kind in (PERSON, "organisation", OPERATOR)}
        self._ciphers: tuple[MonthKeys | None, dict[bytes, Cryptor | None]] = (None, {})

    def terms(self, entry: Entry, disclosures: bytes) -> frozenset[Found]:
        """Whom and what an entry is about, as far as it commits to it and it can be opened."""
        opened = self._open(entry, disclosures) if disclosures else {}
        operators = {*accounts_of(entry), *([opened[OPERATOR]] if opened.get(OPERATOR) else [])}
        found = {Found(OPERATOR, self._tokens.point(OPERATOR, each).text) for each in operators}
        if number := opened.get(SUBJECT):
            kind = str(body_of(entry).get("kind") or PERSON)
            found.add(Found(SUBJECT, self._tokens.point(kind, number).text))
        if matter := opened.get(MATTER):
            found.add(Found(MATTER, matter))
        return frozenset(found)

    def tokens(self, entry: Entry, disclosures: bytes) -> list[bytes]:
        """What one entry is found by, as tokens of its own year."""
        return self.tokens_of([(entry, disclosures)])[0]

    def tokens_of(self, entries: Sequence[tuple[Entry, bytes]]) -> list[list[bytes]]:
        """The same for many, which share what costs."""
        found = [{Found(OPERATOR, self._point(each)) for each in accounts_of(entry)} for entry, _ in entries]
        packs = [(place, str(entry.get("id", "")), packed) for place, (entry, packed) in enumerate(entries) if packed]
        for kid in {month_of(packed) for _, _, packed in packs}:
            if month := self._keys.open(kid):
                for place, term in self._found(month, [each for each in packs if month_of(each[2]) == kid]):
                    found[place].add(term)
        epochs = [epoch_of(str(entry.get("log_time", ""))) for entry, _ in entries]
        return [
            [self._tokens.search(*term, epoch) for term in sorted(terms)] if epoch else []
            for terms, epoch in zip(found, epochs, strict=True)
        ]

    def _point(self, account: str) -> str:
        return self._tokens.point(OPERATOR, account).text

    def _found(self, month: MonthKeys, packs: Iterable[tuple[int, str, bytes]]) -> Iterator[tuple[int, Found]]:
        """Bytes that were changed are passed over: `bidui audit verify --disclosures` is who says so."""
        framed = [each for pack in packs for each in _personal(*pack)]
        if not framed:
            return
        hidden = [each.blob[NONCE_BYTES : NONCE_BYTES + TOKEN_BYTES] for each in framed]
        points = month.veil(hidden, [counter(each.blob[:NONCE_BYTES], each.frame) for each in framed])
        for each, point in zip(framed, points, strict=True):
            for term in self._of_frame(month, each, point):
                yield each.place, term

    def _of_frame(self, month: MonthKeys, framed: _Framed, point: bytes) -> Iterator[Found]:
        names = framed.frame.label.decode().split(",")
        if names[0] == SUBJECT:
            if point not in self._nobody and month.is_left(point):
                yield Found(SUBJECT, Point(point).text)
            return
        cipher = self._cipher(month, point)
        if cipher is None:
            return
        if names[0] == OPERATOR and point not in self._nobody:
            yield Found(OPERATOR, Point(point).text)
        if MATTER in names and (matter := _text(framed, names.index(MATTER), cipher)):
            yield Found(MATTER, matter)

    def _cipher(self, month: MonthKeys, point: bytes) -> Cryptor | None:
        """Ciphers of operators, who are few; none is held once a key was destroyed, which makes other `MonthKeys`."""
        held, ciphers = self._ciphers
        if held is not month or len(ciphers) > _HELD:
            ciphers = {}
            self._ciphers = (month, ciphers)
        if point not in ciphers:
            ciphers[point] = month.cipher(point)
        return ciphers[point]

    def _open(self, entry: Entry, disclosures: bytes) -> dict[str, str]:
        """Only what the entry has the digest of counts."""
        entry_id, digests = str(entry.get("id", "")), cast("Sequence[JsonValue]", entry.get("_sd", ()))
        try:
            opened = [unseal(entry_id, each, self._keys) for each in unpack(disclosures) if each.name in _SOUGHT]
            values = {each.name: each.reveal() for each in opened if each and is_committed(each, digests)}
        except AuditError:
            return {}
        return {name: value for name, value in values.items() if isinstance(value, str)}


def _personal(place: int, entry_id: str, packed: bytes) -> Iterator[_Framed]:
    try:
        _, frames = open_pack(packed)
    except DisclosureError:
        return
    whole = NONCE_BYTES + TOKEN_BYTES
    for frame, blob in frames:
        if frame.is_personal and len(blob) > whole:
            yield _Framed(place, entry_id, frame, blob)


def _text(framed: _Framed, line: int, cipher: Cryptor) -> str:
    try:
        lines = open_frame(framed.entry_id, framed.frame, framed.blob, cipher)
        value = Disclosure(MATTER, lines[line]).reveal()
    except AuditError:
        return ""
    return value if isinstance(value, str) else ""
