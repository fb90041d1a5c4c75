"""One sync's decoys: kept or drawn, sealed among the people, dropped when their numbers turn up, told to serve.

A full sync seals every decoy of the set anew. A delta touches none but those whose numbers it reads: these become
whoever the register says, or nobody, and the tokens of serve are written without them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import msgspec

from adapters.index.directory import write_stored
from adapters.index.tokens import Marked, write_tokens
from gateway.generation import Stored
from gateway.seal import Sealer
from ops.sync.decoys.donors import Donor, Donors
from ops.sync.decoys.drawing import Dice, Model, Person, person_of
from ops.sync.decoys.dressing import Wardrobe
from ops.sync.decoys.keeping import Decoy, DecoyList, DecoySet, lock_set, write_list
from ops.sync.decoys.wanted import Wanted, require_serve_key, wanted
from ops.sync.planning import Job, Plan
from ops.sync.spool import DECOY, Entry
from ops.sync.staffing import PERSON
from ops.sync.state import State

KEPT, DRAWN, NOBODY = "在用 in force", "新设 drawn anew", "未启用 none: 登记册中没有可参照的人员"
NEXT_FULL = "未启用 none: 下次 `bidui sync --full` 时设置"


@dataclass(slots=True, kw_only=True)
class Hiding:
    """The decoys of one sync. `state` says for people how they stand, and never how many there are."""

    job: Job
    plan: Plan
    wanted: Wanted | None
    """What a full sync goes by; None also where it sets no decoys."""
    state: str
    at: datetime
    kept: DecoySet | None
    donors: Donors = field(default_factory=Donors)
    _numbers: dict[bytes, str] = field(default_factory=dict[bytes, str], repr=False)
    """Of a set that is new in this sync, the numbers by links."""
    _subjects: dict[bytes, Decoy] = field(default_factory=dict[bytes, Decoy], repr=False)
    _has_dropped: bool = False

    @classmethod
    def of(cls, job: Job, plan: Plan, at: datetime) -> Hiding:
        """Decide. A delta goes on with what its generation has, whatever is wanted by now. Raises `SyncError`."""
        asked, kept = wanted(job.settings, job.home.keys), job.decoys()
        if plan.current is not None:
            state = KEPT if kept is not None else asked if isinstance(asked, str) else NEXT_FULL
            return cls(job=job, plan=plan, wanted=None, state=state, at=at, kept=kept)
        if isinstance(asked, str):
            return cls(job=job, plan=plan, wanted=None, state=asked, at=at, kept=None)
        stays = kept if kept is not None and _may_stay(kept, asked, at) else None
        return cls(job=job, plan=plan, wanted=asked, state=KEPT, at=at, kept=stays)

    @property
    def samples(self) -> bool:
        """Whether donors are wanted of the rows that are read."""
        return self.wanted is not None

    def present(self) -> Collection[bytes]:
        """The subjects of the decoys that the generation which is added to has."""
        if self.plan.current is not None and self.kept is not None:
            sealer = self._sealer()
            self._subjects = {sealer.subject(decoy.link): decoy for decoy in self.kept.decoys}
        return self._subjects.keys()

    def entries(self) -> Iterator[Entry]:
        """The decoys of a full sync for the spool. Draws a set if none is kept."""
        donors = self.donors.people()
        if self.wanted is None:
            return
        if not donors:
            self.state, self.kept = NOBODY, None
            return
        dice, sealer = Dice(self.job.entropy), self._sealer()
        if self.kept is None:
            self.kept, self.state = self._draw(self.wanted, donors, sealer, dice), DRAWN
        wardrobe = Wardrobe(donors, self.job.catalogue, dice)
        kind = list(self.job.catalogue.kinds).index(PERSON)
        for decoy in self.kept.decoys:
            subject = sealer.subject(decoy.link)
            self._subjects[subject] = decoy
            for facts in wardrobe.dress(Person(decoy.born, male=decoy.male)):
                record = sealer.record(subject, facts)
                yield Entry(subject, DECOY, kind, 0, *facts.effective, facts.main, record)

    def drop(self, subjects: Collection[bytes]) -> None:
        """Forget those whose numbers the source named."""
        if self.kept is None or not subjects:
            return
        self._has_dropped = True
        gone = {self._subjects[subject].link for subject in subjects}
        self.kept = msgspec.structs.replace(
            self.kept, decoys=tuple(decoy for decoy in self.kept.decoys if decoy.link not in gone)
        )

    def finish(self, work: Path) -> Stored | None:
        """Write the list of a new set, then the tokens for serve; gives what the manifest is to name."""
        current = self.plan.current.manifest if self.plan.current else None
        if current is not None and not self._has_dropped:
            return current.decoys
        if self.kept is None:
            return None
        if self.wanted is not None and self._numbers:
            numbers = tuple(self._numbers[decoy.link] for decoy in self.kept.decoys)
            told = DecoyList(name=self.kept.name, drawn=self.kept.drawn, numbers=numbers)
            write_list(self.job.folder, told, self.wanted.custodians, self.job.entropy)
        links = [decoy.link for decoy in self.kept.decoys]
        content = write_tokens(links, Marked.DECOYS, require_serve_key(self.job.home.keys), self.job.entropy)
        return write_stored(work, f"decoys-{current.number + 1 if current else 0:04d}", content)

    def keep(self, state: State) -> None:
        """Have the state remember the set, or that there is none; true when the state is finished."""
        if self.kept is None:
            state.keep_decoys(None, "")
        else:
            state.keep_decoys(lock_set(self.kept, self.job.key, self.job.entropy), self.kept.name)

    def _draw(self, wanted: Wanted, donors: list[Donor], sealer: Sealer, dice: Dice) -> DecoySet:
        count = max(1, round(wanted.share * self.donors.persons()))
        numbers = Model([donor[0].number for donor in donors], dice).draw(count)
        self._numbers = {sealer.link(number): number for number in numbers}
        people = ((link, person_of(number)) for link, number in self._numbers.items())
        return DecoySet(
            name=f"{self.at:%Y%m%d%H%M%S}-{self.job.entropy(4).hex()}",
            drawn=self.at,
            share=wanted.share,
            custodians=wanted.custodians.fingerprints(),
            decoys=tuple(Decoy(link, person.born, person.male) for link, person in people),
        )

    def _sealer(self) -> Sealer:
        return Sealer(self.job.key, self.job.catalogue, PERSON, self.plan.generation, self.job.entropy)


def _may_stay(kept: DecoySet, wanted: Wanted, at: datetime) -> bool:
    same = kept.share == wanted.share and set(kept.custodians) == set(wanted.custodians.fingerprints())
    return same and not wanted.is_due(kept.drawn, at)
