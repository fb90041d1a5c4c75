"""The synthetic league: one made-up register for demo, tests and benches, the same for the same seed.

    league = League.of(seed=1, persons=30_000)
    for person in league.people():          # streams; a million people need no more memory than their numbers
        ...
    write_register(league, "sqlite:///source.sqlite")     # ops.demo.register: the tables of a foreign source
    write_lists(league, Path("lists"))                    # ops.demo.lists: 人事 and 工资 lists, and the truth

Fourteen banners, 461 organisations in a tree, and people with the awkward cases of life (`ops.demo.awkward`). No
number in it is that of a real person or organ (`ops.demo.numbers`). Everything is as of 2026-10-31.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from ops.demo.awkward import Bender, bend
from ops.demo.organisations import Organisation, organisations
from ops.demo.people import People
from ops.demo.person import Person
from ops.demo.staffing import Staff, staff

PERSONS = 30_000


@dataclass(frozen=True, slots=True)
class League:
    """The plan of a league: its organisations and their staff. People are drawn anew, and alike, at each call."""

    seed: int
    staffs: tuple[Staff, ...]

    @classmethod
    def of(cls, *, seed: int = 1, persons: int = PERSONS) -> "League":
        """Plan a league. Raise `ValueError` when it cannot hold so many."""
        rng = Random(f"{seed} organisations")
        return cls(seed, tuple(staff(rng, list(organisations(rng)), persons)))

    @property
    def organisations(self) -> tuple[Organisation, ...]:
        """All organisations, each after the one above it."""
        return tuple(staff.organisation for staff in self.staffs)

    def people(self) -> Iterator[Person]:
        """Everybody, in the order of the organisations."""
        rng = Random(f"{self.seed} people")
        plain = People(rng, self.staffs)
        bender = Bender(rng=rng, numbers=plain.numbers, organisations=self.organisations)
        yield from bend(plain, bender)

    def path(self, code: str) -> str:
        """The codes from the league down to this organisation, joined by slashes (隶属路径)."""
        parents = {staff.organisation.code: staff.organisation.parent for staff in self.staffs}
        codes = [code]
        while parent := parents[codes[-1]]:
            codes.append(parent)
        return "/".join(reversed(codes))
