"""The other side of the simulation: officers who judge, release and sweep, and read in the ledger what came of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence, Set
from contextlib import closing
from dataclasses import dataclass, field
from hashlib import sha256

import msgspec

from audit.entry import JsonValue
from gateway.cohorts import Row
from gateway.deeds.document import Kind as DeedKind
from gateway.deeds.steps import RELEASE, USUAL
from gateway.domain.answer import Cause
from gateway.domain.cohort import SALT_BYTES
from gateway.domain.incident import Incident
from gateway.domain.people import Duty, Person
from gateway.domain.spot_check import CheckState
from gateway.replaying.opening import Opened, Opener, Sealed
from gateway.spot_checks.filing import filing_sha256
from gateway.spot_checks.keeping import Ruling
from ops.demo.office import IDS, SyntheticOffice, head_of
from ops.log_keys import disclosure_keys
from ops.settings import Home
from ops.simulate.numbers import texts_of
from ops.simulate.partners import Member
from ops.simulate.reviewer import is_spotted
from ops.simulate.standins import link_of
from ops.sweeping import Sweeping
from ops.wiring import Gateway, wire

_MOST_INCIDENTS = 10_000
_COMPARED = b'"type":"comparison.'


class _Outcome(msgspec.Struct, frozen=True):
    refused: str = ""


class _Body(msgspec.Struct, frozen=True):
    outcome: _Outcome
    grant: str | None = None


class _Entry(msgspec.Struct, frozen=True, rename={"digests": "_sd"}):
    id: str
    body: _Body
    digests: tuple[str, ...] = ()


_decode = msgspec.json.Decoder(_Entry).decode


@dataclass
class Office:
    """The office of a home whose processes run: a second node at the same database, that answers nobody."""

    home: Home
    spots: float = 1.0
    asked: int = 0
    causes: Counter[tuple[str, str, str]] = field(default_factory=Counter[tuple[str, str, str]])
    locked: Counter[tuple[str, bytes]] = field(default_factory=Counter[tuple[str, bytes]])
    _forged: dict[str, bool] = field(default_factory=dict[str, bool])
    """Spot checks that wait for a judgement, and whether what was named is forged."""

    def __post_init__(self) -> None:
        self.gateway: Gateway = wire(self.home)
        self._sweeping = Sweeping(self.gateway, tell=lambda _: None)
        self._opener = Opener(disclosure_keys(self.home, None))
        self._read = self.gateway.reader.head().size

    def sweep(self) -> None:
        """What the chore of the gateway does several times a minute of its own clock."""
        self._sweeping.run_once()

    def incidents(self) -> Sequence[Incident]:
        """All of them."""
        return self.gateway.people.incidents().incidents(most=_MOST_INCIDENTS)

    def filed(self, number: str, *, is_forged: bool) -> None:
        """Somebody named a document, and has one or has not."""
        self._forged[number] = is_forged
        self.asked += 1

    def judge(self) -> None:
        """Looks at the documents that came yesterday."""
        for number, is_forged in self._forged.items():
            check = self.gateway.people.checks.reader.check(number)
            if check is None or check.state is not CheckState.FILED:
                continue
            is_accepted = not (is_forged and is_spotted(number, self.spots))
            ruling = Ruling(is_accepted=is_accepted, reason="演练审核", filing=filing_sha256(check))
            self.gateway.people.checks.judge(self._person(IDS[Duty.REVIEWER]), number, ruling)
        self._forged.clear()

    def release(self, suspects: Set[str]) -> None:
        """Lets everything go on that is not of these grants, by two signatures."""
        lying = self.gateway.people.board().lying().values()
        grants = {each.number: each.finding.grant for each in self.incidents()} if lying else {}
        wanted = [each for each in lying if grants[each.incident] not in suspects]
        if not wanted:
            return
        with closing(SyntheticOffice(self.home)) as office:
            for stop in wanted:
                content: dict[str, JsonValue] = {"frozen": False, "incident": stop.incident}
                by = Duty.SECURITY_ADMIN, Duty.LEADER
                office.put_in_force(DeedKind.FREEZE, stop.target, content, *by, path=RELEASE, reason="演练核实")

    def enlist(self, member: Member) -> None:
        """Files the list of a closed grant, and has it signed."""
        number, desk = member.grant.number, self.gateway.people.cohorts()
        head = self._person(head_of(member.grant.partner))
        with closing(desk.begin(head, number)) as filing:
            filing.take([Row("person", each, _salt(each)) for each in texts_of(member.roster.keys)])
            filed = desk.keep(head, filing)
        with closing(SyntheticOffice(self.home)) as office:
            office.cohort(filed.deeds[USUAL])

    def read_on(self) -> None:
        """What the ledger tells of comparisons since it was read last: inner causes of refusals, and locks."""
        first, self._read = self._read, self.gateway.reader.head().size
        for entry, opened in self._opened(first, self._read):
            inner = opened.values["inner"]
            assert isinstance(inner, dict)
            cause, grant = str(inner.get("cause", "")), entry.body.grant or ""
            if refused := entry.body.outcome.refused:
                self.causes[grant, refused, cause] += 1
            elif cause == Cause.LOCKED:
                self.locked[grant, link_of(str(opened.values["subject"]))] += 1

    def close(self) -> None:
        """Goes home."""
        self.gateway.close()

    def _opened(self, first: int, end: int) -> Iterator[tuple[_Entry, Opened]]:
        if end == first:
            return
        packs = dict(self.gateway.reader.disclosures(first, end))
        stored = enumerate(self.gateway.reader.stored(first, end), first)
        entries = {index: _decode(content) for index, (content, _) in stored if _COMPARED in content}
        sealed = [Sealed(each.id, frozenset(each.digests), packs[index]) for index, each in entries.items()]
        yield from zip(entries.values(), self._opener.open(sealed), strict=True)

    def _person(self, account: str) -> Person:
        person = self.gateway.people.office.standing().roll.person(account)
        assert person is not None
        return person


def _salt(number: str) -> bytes:
    return sha256(number.encode()).digest()[:SALT_BYTES]
