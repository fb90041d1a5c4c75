"""Deeds: what people signed, who could sign when, from the three founders in entry 0 on."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from audit.standalone.canonical import Json, canonical, count, from_base64, members, text
from audit.standalone.hashes import sha256
from audit.standalone.narrowing import check_narrower
from audit.standalone.packed import Packed, unpack
from audit.standalone.people import OF_PARTNERS, THREE, Key, Person, Signature, read_person
from audit.standalone.steps import PATHS, Step
from audit.standalone.verdicts import WrongError

_SKEW = timedelta(minutes=2)
_MAX_DOCUMENT, _MAX_SERIAL, _MAX_DRAFTS = 8 * 1024 * 1024, 1_000_000, 8
_DOCUMENT = ("author", "content", "id", "kind", "log", "path", "previous", "reason", "serial", "v")
_ID = re.compile(r"[\w〔〕()（）.\-]{1,64}")
_DEED_DIGEST = re.compile("[0-9a-f]{64}", re.ASCII)


@dataclass(frozen=True)
class Document:
    """One version of a deed."""

    log: str
    kind: str
    id: str
    serial: int
    previous: str | None
    path: str
    author: str
    content: dict[str, Json]

    @property
    def place(self) -> tuple[object, ...]:
        """What all drafts of a deed have alike."""
        return self.log, self.kind, self.id, self.serial, self.previous, self.path

    @property
    def steps(self) -> tuple[Step, ...]:
        """Who signs it, in which order."""
        return PATHS[self.kind].get(self.path, ())


def read_document(content: bytes) -> Document:
    """Raise `WrongError`."""
    told = members(canonical(content, _MAX_DOCUMENT), _DOCUMENT, "document")
    log, kind, name, path, author, _ = (text(told[n]) for n in ("log", "kind", "id", "path", "author", "reason"))
    serial, previous, what = count(told["serial"]), told["previous"], told["content"]
    follows = isinstance(previous, str) and bool(_DEED_DIGEST.fullmatch(previous))
    if count(told["v"]) != 1 or kind not in PATHS or not _ID.fullmatch(name) or not isinstance(what, dict):
        raise WrongError("文书格式不对 / a document of another form")
    if not 1 <= serial <= _MAX_SERIAL or follows != (serial > 1) or not (follows or previous is None):
        raise WrongError("文书版次不对 / a document that follows nothing it could follow")
    return Document(log, kind, name, serial, str(previous) if follows else None, path, author, what)


@dataclass(frozen=True)
class Deed:
    """All drafts of one version, each with the signatures under it. The last one counts."""

    drafts: tuple[tuple[bytes, tuple[Signature, ...]], ...]

    @property
    def digest(self) -> str:
        """SHA-256 of the last draft's document."""
        return sha256(self.drafts[-1][0]).hex()

    @property
    def document(self) -> Document:
        """What it says in the end."""
        return read_document(self.drafts[-1][0])

    @property
    def signatures(self) -> list[Signature]:
        """All of them, in order."""
        return [each for _, signatures in self.drafts for each in signatures]


def read_deed(content: bytes) -> Deed:
    """Raise `WrongError`, also for a deed in another spelling."""
    drafts = tuple(map(_draft, _listed(_one(unpack(content)))))
    if not 0 < len(drafts) <= _MAX_DRAFTS:
        raise WrongError("文书稿数不对 / a deed of too many drafts")
    return Deed(drafts)


def _one(packed: Packed) -> Packed:
    found = _listed(packed)
    if len(found) != 1:
        raise WrongError("不是文书 / not a deed")
    return found[0]


def _listed(packed: Packed) -> list[Packed]:
    if not isinstance(packed, list):
        raise WrongError("不是文书 / not a deed")
    return packed


def _draft(packed: Packed) -> tuple[bytes, tuple[Signature, ...]]:
    row = _listed(packed)
    if len(row) != 2 or not isinstance(row[0], bytes):
        raise WrongError("不是文书 / not a deed")
    return row[0], tuple(map(_signature, _listed(row[1])))


def _signature(packed: Packed) -> Signature:
    row = _listed(packed)
    if len(row) != 8:
        raise WrongError("签名格式不对 / a signature of another form")
    step, person, kid, at = (_text(each) for each in row[:4])
    deeds = tuple(_text(each) for each in _listed(row[4]))
    proof, authenticator, client = (_bytes(each) for each in row[5:])
    return Signature(step, person, kid, at, deeds, proof, authenticator, client)


def _text(packed: Packed) -> str:
    if not isinstance(packed, str):
        raise WrongError("签名格式不对 / a signature of another form")
    return packed


def _bytes(packed: Packed) -> bytes:
    if not isinstance(packed, bytes):
        raise WrongError("签名格式不对 / a signature of another form")
    return packed


class Roll:
    """Everybody who is or was enrolled, and who could sign when."""

    def __init__(self, foundation: Json, now: datetime) -> None:
        """Begin with the three founders. Raise `WrongError`."""
        told = members(foundation, ("founders", "log"), "foundation")
        rows = told["founders"] if isinstance(told["founders"], list) else []
        self.log, self._now = text(told["log"]), now
        founders = [members(row, ("duty", "person", "public"), "founder") for row in rows]
        self._founders = {
            text(each["person"]): (text(each["duty"]), from_base64(text(each["public"]), url=True)) for each in founders
        }
        publics = {public for _, public in self._founders.values()}
        duties = sorted(duty for duty, _ in self._founders.values())
        if not len(founders) == len(self._founders) == len(publics) == 3 or duties != sorted(THREE):
            raise WrongError("首任管理员须为三人三职 / a foundation has one founder for each of three duties")
        self._histories: dict[str, list[tuple[datetime, Person]]] = {}
        self._digests: dict[str, tuple[int, str | None]] = {}
        self._since: datetime | None = None

    def enrol(self, deed: Deed) -> None:
        """Take a person's deed into the roll. Raise `WrongError`."""
        document = self.open(deed)
        person = read_person(document.id, document.content)
        self._admit(document, person)
        last = deed.signatures[-1].time()
        if self._since and last < self._since:
            raise WrongError("人员文书次序不对 / a person enrolled by signatures older than the roll")
        self._since = last
        self._histories.setdefault(person.id, []).append((last, person))
        self._digests[person.id] = (document.serial, deed.digest)

    def open(self, deed: Deed) -> Document:
        """Return what a complete and good deed says. Raise `WrongError` for every other."""
        document = deed.document
        if document.log != self.log:
            raise WrongError("文书属于另一套安装 / the deed belongs to another installation")
        if document.kind == "person" and document.path == "founding":
            self._check_founding(deed, document)
        elif not self._founders.keys() <= self._histories.keys():
            raise WrongError("三名首任管理员未齐 / nobody signs before the three founders are in")
        else:
            _check_signatures(deed, document, self, self._now)
        if len(deed.signatures) != len(document.steps) or not deed.drafts[-1][1]:
            raise WrongError("文书未签齐 / signatures are missing under the deed")
        return document

    def person_at(self, account: str, at: datetime) -> Person | None:
        """Return the person as they were enrolled then, None if they were not."""
        history = self._histories.get(account, [])
        place = bisect_right(history, at, key=lambda each: each[0])
        return history[place - 1][1] if place and history[place - 1][1].active else None

    def _check_founding(self, deed: Deed, document: Document) -> None:
        duty, public = self._founders.get(document.id, ("", b""))
        if not duty or document.serial != 1 or document.content.get("duty") != duty:
            raise WrongError("并非首任管理员 / only founders come in by an activation code, once")
        _check_signatures(deed, document, _Activation(document, duty, public), self._now)

    def _admit(self, document: Document, person: Person) -> None:
        if document.kind != "person":
            raise WrongError("不是人员文书 / not the deed of a person")
        serial, named = self._digests.get(person.id, (0, None))
        if (document.serial, document.previous) != (serial + 1, named):
            raise WrongError("人员文书版次不接 / a person's deed that does not follow the one before")
        before = self._histories[person.id][-1][1] if serial else person
        if _lasting(before) != _lasting(person):
            raise WrongError("账号改换了人或职责 / an account that changes hands or duty")
        others = [h[-1][1] for h in self._histories.values() if h[-1][1].active and h[-1][1].id != person.id]
        publics = {key.public for key in person.keys}
        alike = [o for o in others if o.natural == person.natural or publics & {key.public for key in o.keys}]
        if person.active and alike:
            raise WrongError("一人两个账号，或两人一把密钥 / one human being twice, or one key for two")
        if not person.active and person.duty in THREE and not any(other.duty == person.duty for other in others):
            raise WrongError("某职责的最后一名管理员被停用 / the last administrator of a duty was taken off")


def _lasting(person: Person) -> tuple[object, ...]:
    return person.duty, person.partner, person.natural


class _Activation:
    """A founder before they are enrolled: known by the activation key alone."""

    def __init__(self, document: Document, duty: str, public: bytes) -> None:
        natural = str(document.content.get("natural", ""))
        self._person = Person(document.id, duty, None, natural, (Key("activation", "ed25519", public),), active=True)

    def person_at(self, account: str, _: datetime) -> Person | None:
        return self._person if account == self._person.id else None


def _check_signatures(deed: Deed, last: Document, signers: Roll | _Activation, now: datetime) -> None:
    """Each step by somebody who could, over this document, in order, all different people of different duties."""
    documents = [read_document(content) for content, _ in deed.drafts]
    if any(document.place != last.place for document in documents):
        raise WrongError("各稿所指不是同一事项 / drafts of different things")
    for before, after in pairwise(documents):
        if last.kind != "grant" or last.path == "withdrawal":
            raise WrongError("只有签批单可以收窄 / only a grant is narrowed")
        check_narrower(before.content, after.content)
    steps, people = list(last.steps), list[Person]()
    for (content, signatures), document in zip(deed.drafts, documents, strict=True):
        if len(signatures) > len(steps):
            raise WrongError("签名多于环节 / more signatures than steps")
        for number, signature in enumerate(signatures):
            if signature.step != steps[0].name or sha256(content).hex() not in signature.deeds:
                raise WrongError("签名不属于此环节或此稿 / a signature of another step or draft")
            if number and signature.person == document.author:
                raise WrongError("拟稿人签了其后的环节 / the author signed a later step")
            people.append(_check_one(signature, steps.pop(0), document, signers))
    times = [each.time() for each in deed.signatures]
    if times != sorted(times) or any(time > now + _SKEW for time in times):
        raise WrongError("签名时间先后颠倒，或晚于核验之时 / signatures out of order, or of the future")
    for told in ({p.id for p in people}, {p.natural for p in people}, {p.duty for p in people}):
        if len(told) < len(people):
            raise WrongError("签署人须各不相同，职责亦然 / signers who are not different people of different duties")


def _check_one(signature: Signature, step: Step, document: Document, signers: Roll | _Activation) -> Person:
    person = signers.person_at(signature.person, signature.time())
    if person is None or not _may_sign(person, step, document):
        raise WrongError(f"{signature.person} 当时无权签此环节 / could not sign this step then")
    key = person.key(signature.kid)
    if key is None:
        raise WrongError(f"{signature.person} 当时没有此密钥 / had no such key then")
    signature.check(document.log, key)
    return person


def _may_sign(person: Person, step: Step, document: Document) -> bool:
    if step.duties and person.duty not in step.duties:
        return False
    if step.name == "self":
        return person.id == document.id
    if document.kind == "person" and document.id == person.id:
        return document.path == "founding"
    partner = document.id if document.kind == "partner" else document.content.get("partner")
    return person.duty not in OF_PARTNERS or (isinstance(partner, str) and person.partner == partner)


def open_deed(told: Json, foundation: Json, now: datetime) -> tuple[Deed, Document]:
    """Verify an export of a deed (`bidui deed export`) from a foundation on. Raise `WrongError` or `MissingError`."""
    export = members(told, ("deed", "foundation", "people"), "export")
    people = export["people"] if isinstance(export["people"], list) else []
    roll = Roll(foundation, now)
    for each in people:
        roll.enrol(read_deed(from_base64(text(each), url=True)))
    deed = read_deed(from_base64(text(export["deed"]), url=True))
    return deed, roll.open(deed)
