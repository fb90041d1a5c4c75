"""Rows a source should not have: for trying that they are refused, counted by cause, and never sealed.

write_register(league, url, spoil=Spoiler(seed=3, share=0.02))
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from random import Random

from ops.demo.numbers import with_check, with_wrong_check
from ops.demo.person import Person
from policies.identifiers import parse_id_number

_CAUSES: dict[str, Callable[[str], str]] = {
    "wrong check character": with_wrong_check,
    "no such day": lambda number: with_check(f"{number[:10]}0230{number[14:17]}"),
    "too short": lambda number: number[:11],
    "spoilt by a spreadsheet": lambda number: f"{float(number[:17]) * 10:.5e}".upper(),
    "empty": lambda _number: "",
    "text": lambda _number: "无",
}


@dataclass
class Spoiler:
    """Spoils a share of the people's numbers; afterwards `spoilt` counts them by cause."""

    seed: int
    share: float
    spoilt: dict[str, int] = field(default_factory=dict)

    def __call__(self, people: Iterable[Person]) -> Iterator[Person]:
        """All people in their order; two causes besides: no name, and the number of the person before."""
        rng = Random(f"{self.seed} spoil")
        before = None
        for person in people:
            spoilt = self._spoil(rng, person, before) if rng.random() < self.share else person
            before = before if spoilt is not person else person
            yield spoilt

    def _spoil(self, rng: Random, person: Person, before: Person | None) -> Person:
        cause = rng.choice([*_CAUSES, "no name", "number of another"])
        self.spoilt[cause] = self.spoilt.get(cause, 0) + 1
        if cause == "no name":
            return replace(person, name="\u3000")
        if cause == "number of another":
            return replace(person, id_number=before.id_number if before else "")
        return replace(person, id_number=_CAUSES[cause](parse_id_number(person.id_number)))
