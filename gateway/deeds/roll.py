"""The roll (人员名册): from the three founding keys to everybody who may sign, and so to every deed that is good.

1. Entry 0 of the ledger names three founders and an activation key for each. With that key, once, a founder enrols
   the key they keep.
2. Until all three are in, nobody else is enrolled and no other deed is good.
3. From then on people are enrolled, changed and ended by deeds that two people on the roll have signed.
4. A signature is good if its maker was on the roll, with that key and duty, at the time it names.
5. No human being is on the roll twice; the last of the three administrators of a duty cannot be taken off.

The roll is built by whoever needs it from the deeds alone, in the order in which they came into force.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from gateway.deeds.checking import check_signatures, is_complete
from gateway.deeds.deed import Deed
from gateway.deeds.document import Document, Kind
from gateway.deeds.errors import DeedError
from gateway.deeds.foundation import Foundation, Founder
from gateway.deeds.persons import read_person
from gateway.deeds.steps import ACTIVATION, FOUNDING
from gateway.domain.people import THREE, KeyForm, Person, PersonKey


class Roll:
    """Everybody who is or was enrolled. Grows by `enrol`, and never forgets who could sign when."""

    def __init__(self, foundation: Foundation, deeds: Iterable[Deed] = (), now: datetime | None = None) -> None:
        self.foundation = foundation
        self._histories: dict[str, list[tuple[datetime, Person]]] = {}
        self._digests: dict[str, tuple[int, str]] = {}
        self._since = datetime.min.replace(tzinfo=UTC)
        for deed in deeds:
            self.enrol(deed, now or deed.signatures[-1].time())

    @property
    def is_founded(self) -> bool:
        """Whether all three founders are in."""
        return bool(self.foundation.founders) and self.foundation.founders.keys() <= self._histories.keys()

    def person(self, person: str) -> Person | None:
        """The person as they are enrolled now; None when they are not, or no more."""
        history = self._histories.get(person)
        return history[-1][1] if history and history[-1][1].active else None

    def people(self) -> Iterator[Person]:
        """Everybody who is enrolled now."""
        return (history[-1][1] for history in list(self._histories.values()) if history[-1][1].active)

    def person_at(self, person: str, at: datetime) -> Person | None:
        """See `gateway.deeds.checking.Signers`."""
        history = self._histories.get(person, [])
        place = bisect_right(history, at, key=lambda each: each[0])
        return history[place - 1][1] if place and history[place - 1][1].active else None

    def serial(self, person: str) -> tuple[int, str]:
        """The serial of a person's deed in force, and its digest; 0 and nothing before the first."""
        return self._digests.get(person, (0, ""))

    def open(self, deed: Deed, now: datetime) -> Document:
        """What a complete and good deed says. Raises `DeedError` for every other."""
        document = self._checked(deed, now)
        if not is_complete(deed):
            raise DeedError("此文书尚未签齐，请等各环节签署完毕")
        return document

    def check(self, deed: Deed, now: datetime) -> Document:
        """What a deed says whose signatures so far are good. Raises `DeedError`."""
        return self._checked(deed, now)

    def enrol(self, deed: Deed, now: datetime) -> Person:
        """Takes a person's deed into the roll; the roll is as it was if that raises `DeedError`."""
        person = self.examine(deed, now)
        self._since = deed.signatures[-1].time()
        self._histories.setdefault(person.id, []).append((self._since, person))
        self._digests[person.id] = (deed.document.serial, deed.digest)
        return person

    def examine(self, deed: Deed, now: datetime) -> Person:
        """The person whom this deed would enrol. Raises `DeedError`.

        Nobody is enrolled by signatures older than the last change of the roll: whoever shows the deeds in another
        order could let people enrol others after they were taken off.
        """
        document = self.open(deed, now)
        person = read_person(document.id, document.content)
        self.admit(document, person)
        if deed.signatures[-1].time() < self._since:
            raise DeedError("签署之后人员名册有变动，请重新签署")
        return person

    def admit(self, document: Document, person: Person) -> None:
        """Whether this version of a person may follow what is on the roll. Raises `DeedError`."""
        if document.kind is not Kind.PERSON:
            raise DeedError("此文书不是人员文书，请核对")
        serial, named = self.serial(person.id)
        if document.serial != serial + 1 or (document.previous or "") != named:
            raise DeedError("此人的文书已有另一版先行生效，请重新拟稿")
        self._check_same(person)
        self._check_distinct(person)
        self._check_remaining(person)

    def _checked(self, deed: Deed, now: datetime) -> Document:
        document = deed.document
        if document.log != self.foundation.log:
            raise DeedError("此文书属于另一套安装，不能在此使用")
        if document.kind is Kind.PERSON and document.path == FOUNDING:
            return self._founding(deed, document, now)
        if not self.is_founded:
            raise DeedError("三名管理员须先完成登记，此前不能签署其他文书")
        return check_signatures(deed, self, now)

    def _founding(self, deed: Deed, document: Document, now: datetime) -> Document:
        """Steps and times are checked with the founder's activation key in place of an enrolled one."""
        founder = self.foundation.founders.get(document.id)
        if founder is None or document.serial != 1 or document.content.get("duty") != founder.duty.value:
            raise DeedError("只有三名首任管理员可凭激活码登记，限本人职责、限一次")
        check_signatures(deed, _Activation(document, founder), now)
        return document

    def _check_same(self, person: Person) -> None:
        history = self._histories.get(person.id)
        if history and _lasting(history[-1][1]) != _lasting(person):
            raise DeedError("账号的职责、合作部门和本人不得变更，请停用后另行登记")

    def _check_distinct(self, person: Person) -> None:
        if not person.active:
            return
        publics = {key.public for key in person.keys}
        for other in self.people():
            if other.id == person.id:
                continue
            if other.natural == person.natural:
                raise DeedError("此人已有账号：一人只有一个账号、一种职责")
            if publics & {key.public for key in other.keys}:
                raise DeedError("此密钥已登记在他人名下，请另行生成本人的密钥")

    def _check_remaining(self, person: Person) -> None:
        if person.active or person.duty not in THREE:
            return
        if not any(other.duty is person.duty and other.id != person.id for other in self.people()):
            raise DeedError("不能停用某一职责的最后一名管理员，请先登记继任者")


class _Activation:
    """A founder before they are enrolled: known by the activation key alone."""

    def __init__(self, document: Document, founder: Founder) -> None:
        self._founder = founder
        self._natural = str(document.content.get("natural", ""))

    def person_at(self, person: str, at: datetime) -> Person | None:
        if person != self._founder.person:
            return None
        key = PersonKey(ACTIVATION, KeyForm.ED25519, self._founder.public)
        return Person(
            id=person,
            name=person,
            duty=self._founder.duty,
            partner=None,
            natural=self._natural,
            keys=(key,),
            active=True,
        )


def _lasting(person: Person) -> tuple[object, ...]:
    return person.duty, person.partner, person.natural
