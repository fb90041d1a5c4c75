"""The two ways side by side, for people and for machines: where they differ it is said, and where they agree, too."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, astuple, dataclass

from ops.simulate.attacks import ATTACKS
from ops.simulate.http.running import Both, HttpSettings, Way
from ops.simulate.replay import Assault, Learned

_COLUMNS = "stopped|named|first refused by|queries|days|persons|attributes|persons in the end|attributes in the end"
_INSIDE, _OUTSIDE = "in process", "over HTTP"


@dataclass(frozen=True)
class Line:
    """How one attack went, one way."""

    stopped: bool
    named: str
    by: str
    queries: int
    days: float
    persons: int
    attributes: int
    persons_in_the_end: int
    attributes_in_the_end: int

    @classmethod
    def of(cls, assault: Assault) -> Line:
        first: Learned = assault.checked or assault.end
        named, by = f"{assault.named} of {assault.credentials}", assault.checked.by if assault.checked else "nothing"
        known = (first.queries, first.days, first.persons, first.attributes)
        return cls(assault.stopped, named, by, *known, assault.end.persons, assault.end.attributes)

    def cells(self) -> list[str]:
        """As they stand in the table."""
        return [
            "yes" if self.stopped else "no",
            *(f"{each:,}" if isinstance(each, int) else str(each) for each in astuple(self)[1:]),
        ]


def differences(inside: Line, outside: Line) -> list[str]:
    """The columns in which the two ways are unlike."""
    return [name for name in Line.__annotations__ if getattr(inside, name) != getattr(outside, name)]


def document(settings: HttpSettings, both: Both) -> dict[str, object]:
    """For machines."""
    return {
        "seed": settings.seed,
        "persons": settings.persons,
        "days": settings.days,
        "gate": True,
        "honest": {_INSIDE: _honest(both.inside), _OUTSIDE: _honest(both.outside)},
        "attacks": [
            {
                "name": inside.attack,
                _INSIDE: asdict(Line.of(inside)),
                _OUTSIDE: asdict(Line.of(outside)),
                "differ": differences(Line.of(inside), Line.of(outside)),
            }
            for inside, outside in _pairs(both)
        ],
        "seconds_told_to_wait": both.outside.waited,
    }


def markdown(settings: HttpSettings, both: Both) -> str:
    """For people."""
    return "\n".join([*_heading(settings, both), "", *_table(both), "", *_honest_table(both), ""])


def _heading(settings: HttpSettings, both: Both) -> Iterator[str]:
    pairs = _pairs(both)
    alike = sum(not differences(Line.of(inside), Line.of(outside)) for inside, outside in pairs)
    waited = f" Callers were told to wait for {both.outside.waited:,.0f} seconds." if both.outside.waited else ""
    yield (
        f"Seed {settings.seed}; {settings.persons:,} persons, {settings.days} honest days before each attack, with the "
        f"identity gate; {both.outside.records:,} honest records over HTTP, each with a token, a key of its own and a "
        f"receipt that was checked. {alike} of {len(pairs)} attacks went the same both ways in every column.{waited}"
    )


def _table(both: Both) -> Iterator[str]:
    yield f"|attack| |way|{_COLUMNS}|"
    yield "|---" * 12 + "|"
    for inside, outside in _pairs(both):
        first, second = Line.of(inside), Line.of(outside)
        yield f"|{inside.attack}|{ATTACKS[inside.attack].says}|{_INSIDE}|{'|'.join(first.cells())}|"
        told = ", ".join(differences(first, second)).replace("_", " ")
        yield f"| |{f'differs: {told}' if told else 'the same'}|{_OUTSIDE}|{'|'.join(second.cells())}|"


def _honest_table(both: Both) -> Iterator[str]:
    yield "|honest partners|records|refused|locks|"
    yield "|---|---|---|---|"
    for name, way in ((_INSIDE, both.inside), (_OUTSIDE, both.outside)):
        yield f"|{name}|{'|'.join(str(each) for each in _honest(way).values())}|"


def _honest(way: Way) -> dict[str, int]:
    locks = sum(len(each) for each in way.honest.locked.values())
    return {"records": way.records, "refused": way.honest.refused.total(), "locks": locks}


def _pairs(both: Both) -> Sequence[tuple[Assault, Assault]]:
    """Each attack both ways, in the order of the suite."""
    outside = {each.attack: each for each in both.outside.assaults}
    ordered = sorted(both.inside.assaults, key=lambda each: list(ATTACKS).index(each.attack))
    return [(each, outside[each.attack]) for each in ordered]
