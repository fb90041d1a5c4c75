"""Promise 2, third part: whoever has taken serve over gets no more from seal than the live grants allow.

The thief speaks the socket, holds every signed grant of the database, and tries what it can think of: many lines at
once, other generations, old papers, doubled fields, killing seal in between. Then everything it got is added up.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import cast

import msgspec
import pytest
from msgspec.structs import replace

from adapters.sealing.wire import Admit, Admitted, Ask, Know, Refused, Sealed, receive, replies, send
from adapters.sql.store import SqlStore
from gateway.deeds.deed import Deed, Draft
from gateway.deeds.document import Kind
from gateway.deeds.signature import Signature
from gateway.domain.grant import local_day
from gateway.seal import DAY_BITS, Plain, Question, day_number
from ops.prove.homes import Stage, add_grant, copy_stage, limits
from ops.prove.programs import Program, start_seal
from ops.settings import Home, ServeSettings, load
from tests.invariants.world import NOW, home_at, set_clock

FEW = limits(day=6, month=8, comparisons=10)
SUBJECTS, COMPARISONS, IN_30_DAYS = 6, 10, 8
FIELDS = ("name", "unit", "person_status")
LINES = 4


@dataclass
class Thief:
    """Speaks to seal as serve would, and keeps what it is told."""

    path: Path
    known: list[bytes]
    grants: dict[str, Deed]
    got: list[tuple[str, Question]] = field(default_factory=list, repr=False)

    def ask(self, *plains: Plain, generation: str = "g1") -> list[Question | str]:
        """One batch on a line of its own."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
            line.connect(str(self.path))
            self._exchange(line, Know(self.known))
            for grant in self.grants.values():
                self._exchange(line, Admit(generation, grant.encode()))
            reply = cast("Sealed", self._exchange(line, Ask(generation, list(plains))))
        kept = zip(plains, reply.items, strict=True)
        self.got += [(plain.grant, item) for plain, item in kept if isinstance(item, Question)]
        return reply.items

    def admit(self, grant: Deed) -> object:
        """What seal says to a paper."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
            line.connect(str(self.path))
            self._exchange(line, Know(self.known))
            return self._exchange(line, Admit("g1", grant.encode()))

    def comparisons(self, grant: str) -> int:
        return sum(number == grant for number, _ in self.got)

    def subjects(self, grant: str) -> int:
        return len({question.link for number, question in self.got if number == grant})

    def _exchange(self, line: socket.socket, message: Know | Admit | Ask) -> object:
        send(line, message)
        body = receive(line)
        assert body is not None
        return replies.decode(body)


@dataclass
class Vault:
    """A sealing process of its own, with the thief at its socket."""

    home: Home
    stage: Stage
    seal: Program
    thief: Thief

    def kill(self) -> None:
        self.seal.kill()
        self.seal = start_seal(self.home)

    def plain(self, grant: str, place: int = 0, *fields: str, **changes: object) -> Plain:
        """A query about somebody; many claims of the same field when told so."""
        person = self.stage.people[place % len(self.stage.people)]
        plain = Plain(
            grant=grant,
            kind="person",
            id=person.id_number,
            gate=[person.name],
            day=day_number(local_day(NOW)),
            claims=[(each, "equals", f"值{n}") for n, each in enumerate(fields or ("person_status",))],
        )
        return msgspec.structs.replace(plain, **changes)


@pytest.fixture(scope="module")
def vault(stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Vault]:
    home = home_at(tmp_path_factory.mktemp("vault") / "home")
    copy_stage(stage, home)
    for name in ("V-1", "V-2", "V-3", "V-4"):
        add_grant(home, name, stage, limits=FEW, fields=dict.fromkeys(FIELDS, "核对"))
    add_grant(home, "V-old", stage, valid_from=date(2026, 1, 1), valid_until=local_day(NOW) - timedelta(days=1))
    seal = start_seal(home)
    vault = Vault(home, stage, seal, Thief(home.path / "data" / "seal" / "seal.sock", *papers(home)))
    yield vault
    vault.seal.stop()


def papers(home: Home) -> tuple[list[bytes], dict[str, Deed]]:
    """Everything signed that serve has: who may sign, and every grant."""
    store = SqlStore(home.database_url(load(home, "serve.toml", ServeSettings)))
    try:
        with store.begin() as work:
            kept = work.deeds.in_force(0)
    finally:
        store.close()
    known = [each.deed for each in kept if each.kind == Kind.PERSON]
    return known, {each.id: each.opened() for each in kept if each.kind == Kind.GRANT}


def one_by_one(vault: Vault, grant: str) -> None:
    for place in range(3 * COMPARISONS):
        vault.thief.ask(vault.plain(grant, place))


def all_at_once(vault: Vault, grant: str) -> None:
    vault.thief.ask(*(vault.plain(grant, place) for place in range(3 * COMPARISONS)))
    vault.thief.ask(*(vault.plain(grant) for _ in range(3 * COMPARISONS)))


def many_lines(vault: Vault, grant: str) -> None:
    batches = [[vault.plain(grant, LINES * n + line) for n in range(COMPARISONS)] for line in range(LINES)]
    with ThreadPoolExecutor(LINES) as threads:
        list(threads.map(lambda batch: vault.thief.ask(*batch), batches))


def other_generations_and_kills(vault: Vault, grant: str) -> None:
    for round_ in range(4):
        for place in range(COMPARISONS):
            vault.thief.ask(vault.plain(grant, place + round_), generation=f"g{round_}")
        vault.kill()


STRATEGIES: dict[str, Callable[[Vault, str], None]] = {
    "V-1": one_by_one,
    "V-2": all_at_once,
    "V-3": many_lines,
    "V-4": other_generations_and_kills,
}


@pytest.mark.parametrize(("grant", "strategy"), STRATEGIES.items(), ids=[each.__name__ for each in STRATEGIES.values()])
def test_a_grant_gives_what_is_signed_whatever_the_thief_does(
    vault: Vault, grant: str, strategy: Callable[[Vault, str], None]
) -> None:
    strategy(vault, grant)

    assert 0 < vault.thief.comparisons(grant) <= COMPARISONS
    assert 0 < vault.thief.subjects(grant) <= SUBJECTS


def test_a_new_day_gives_no_more_than_the_long_window_has_left(vault: Vault) -> None:
    set_clock(vault.home, NOW + timedelta(days=1))
    try:
        today = day_number(local_day(NOW)) + 1
        for place in range(100, 130):
            vault.thief.ask(vault.plain("V-1", place, day=today))
    finally:
        set_clock(vault.home, NOW)

    assert vault.thief.subjects("V-1") == IN_30_DAYS


def test_what_was_got_names_each_field_once_and_no_other_field(vault: Vault) -> None:
    assert vault.thief.got
    assert all(len(question.digests) <= 8 * (DAY_BITS + 1 + 3 * len(FIELDS)) for _, question in vault.thief.got)


WITHHELD: dict[str, Callable[[Vault], Plain]] = {
    "a second guess in one query": lambda vault: vault.plain("2026-caizheng-001", 0, "unit", "unit"),
    "a field beyond the grant": lambda vault: vault.plain("2026-caizheng-001", 0, "birth_date"),
    "a field that is not there": lambda vault: vault.plain("2026-caizheng-001", 0, "nothing"),
    "the gate as a claim": lambda vault: vault.plain("2026-caizheng-001", 0, "name"),
    "a bound on what has no order": lambda vault: vault.plain("2026-caizheng-001", claims=[("unit", "at_least", "甲")]),
    "no gate": lambda vault: vault.plain("2026-caizheng-001", gate=[]),
    "two names at the gate": lambda vault: vault.plain("2026-caizheng-001", gate=["甲", "乙"]),
    "another day": lambda vault: vault.plain("2026-caizheng-001", day=day_number(local_day(NOW)) - 1),
    "no such kind": lambda vault: vault.plain("2026-caizheng-001", kind="building"),
    "no such grant": lambda vault: vault.plain("2026-none-001"),
    "an expired grant": lambda vault: vault.plain("V-old"),
    "a day before all days": lambda vault: vault.plain("2026-caizheng-001", day=-1),
}


@pytest.mark.parametrize("make", WITHHELD.values(), ids=WITHHELD)
def test_what_no_grant_allows_is_withheld(vault: Vault, make: Callable[[Vault], Plain]) -> None:
    (item,) = vault.thief.ask(make(vault))

    assert isinstance(item, str)


FORGED: dict[str, Callable[[Deed], Deed]] = {
    "larger limits": lambda paper: _edited(paper, b'"comparisons_per_day":10000', b'"comparisons_per_day":99999'),
    "one more field": lambda paper: _edited(paper, b'"fields":{', b'"fields":{"birth_date":"x",'),
    "another number": lambda paper: _edited(paper, b"2026-caizheng-001", b"2026-caizheng-002"),
    "another signer's name": lambda paper: _signed(paper, lambda signature: replace(signature, person="bb-xitong")),
    "another key's name": lambda paper: _signed(paper, lambda signature: replace(signature, kid="activation")),
    "another time": lambda paper: _signed(paper, lambda signature: replace(signature, at="2026-12-01T01:59:59Z")),
    "no proofs": lambda paper: _signed(paper, lambda signature: replace(signature, proof=b"")),
    "no signatures": lambda paper: Deed((Draft(paper.last.document),)),
    "one signature less": lambda paper: Deed((Draft(paper.last.document, paper.signatures[:-1]),)),
    "the last signature twice": lambda paper: paper.signed(paper.signatures[-1]),
    "spelt otherwise": lambda paper: Deed((Draft(paper.last.document + b" ", paper.signatures),)),
    "narrowed by nobody": lambda paper: paper.redrawn(paper.last.document),
}


@pytest.mark.parametrize("forge", FORGED.values(), ids=FORGED)
def test_a_paper_that_was_touched_opens_nothing(vault: Vault, forge: Callable[[Deed], Deed]) -> None:
    assert isinstance(vault.thief.admit(forge(vault.thief.grants["2026-caizheng-001"])), Refused)


def test_an_expired_paper_tells_no_units(vault: Vault) -> None:
    assert vault.thief.admit(vault.thief.grants["V-old"]) == Admitted([])


def _edited(paper: Deed, old: bytes, new: bytes) -> Deed:
    assert old in paper.last.document
    return Deed((Draft(paper.last.document.replace(old, new), paper.signatures),))


def _signed(paper: Deed, change: Callable[[Signature], Signature]) -> Deed:
    return Deed((Draft(paper.last.document, tuple(change(each) for each in paper.signatures)),))
