"""Made-up persons by number: person 0, 1, 2, … of any register, worked out when needed and kept nowhere.

A bench wants a million persons in minutes and twenty thousand of them again as questions; a league (`ops.demo`) is
richer and slower. Numbers lie in places that were never given out, so none is a real person's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from gateway.seal import END_OF_DAYS, Facts, day_number
from ops.demo.names import HAN_SURNAMES, MALE
from ops.demo.numbers import ELSEWHERE, with_check
from policies.catalogue import Catalogue

LEAGUE = "bench"
BANNERS = 14
UNITS_A_BANNER = 33
KIND = "person"
CLAIMED = ("unit", "quota_type", "person_status", "birth_month", "post_category")
"""The five fields that every question of a bench claims."""

_FIRST_BIRTH = date(1950, 1, 1)
_BIRTHS = 18_000
_CODED = (
    "sex ethnicity political_status education degree person_status quota_type quota_funding"
    " person_category entry_mode post_category title pay_status"
).split()
_MONTHS = ("birth_month", "work_start", "quota_since")
_EFFECTIVE = (day_number(date(2015, 1, 1)), END_OF_DAYS)


@dataclass(frozen=True)
class Persons:
    """The persons of a bench, their values normalised by the catalogue. Twenty fields each."""

    catalogue: Catalogue
    _choices: Mapping[str, Sequence[str]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_choices", {key: list(self.catalogue.fields[key].codes) for key in _CODED})

    def number(self, person: int) -> str:
        """The id number, another for every person."""
        born = _born(person)
        return with_check(f"{ELSEWHERE[person % 20]}{born:%Y%m%d}{person // (20 * _BIRTHS) + 1:03}")

    def name(self, person: int) -> str:
        """The name; many persons share one."""
        mixed = _mix(person, 1)
        return (
            HAN_SURNAMES[mixed % len(HAN_SURNAMES)]
            + MALE[mixed // 128 % len(MALE)]
            + MALE[mixed // 8192 % len(MALE)][0]
        )

    def banner(self, person: int) -> str:
        """The code of the banner the person's unit lies in."""
        return unit_code(person % BANNERS)

    def unit(self, person: int) -> str:
        """The code of the person's unit."""
        return unit_code(person % BANNERS, _mix(person, 2) % UNITS_A_BANNER)

    def values(self, person: int) -> dict[str, str]:
        """Every field the register holds of the person, as canonical text."""
        values = {
            key: codes[_mix(person, place) % len(codes)] for place, (key, codes) in enumerate(self._choices.items(), 3)
        }
        born = _born(person)
        work = 12 * (born.year + 22) + _mix(person, 20) % 120
        for key, month in zip(_MONTHS, (12 * born.year + born.month - 1, work, work + 12), strict=True):
            values[key] = f"{month // 12:04}-{month % 12 + 1:02}"
        values |= {"name": self.name(person), "birth_date": born.isoformat()}
        values |= {"unit": _unit_name(self.unit(person)), "post": f"第{_mix(person, 21) % 300}岗"}
        return values

    def facts(self, person: int) -> Facts:
        """The person's one record, ready to be sealed."""
        units = (self.unit(person), self.banner(person), LEAGUE)
        return Facts(values=self.values(person), effective=_EFFECTIVE, units=units)

    def other(self, key: str, value: str) -> str:
        """Another value of a coded field: a wrong claim."""
        codes = self._choices[key]
        return codes[(codes.index(value) + 1) % len(codes)]


def unit_tree() -> dict[str, str]:
    """Every unit with the one above it; nothing above the league."""
    tree = {LEAGUE: ""}
    for banner in range(BANNERS):
        tree[unit_code(banner)] = LEAGUE
        tree |= {unit_code(banner, unit): unit_code(banner) for unit in range(UNITS_A_BANNER)}
    return tree


def unit_code(banner: int, unit: int | None = None) -> str:
    """The code of a banner, or of a unit in it."""
    return f"{LEAGUE}-{banner:02}" if unit is None else f"{LEAGUE}-{banner:02}-{unit:02}"


def _unit_name(code: str) -> str:
    return f"压测{code[-5:-3]}旗第{code[-2:]}局"


def _born(person: int) -> date:
    return _FIRST_BIRTH + timedelta(days=person // 20 % _BIRTHS)


def _mix(person: int, salt: int) -> int:
    """A fixed scattering, so that a person's values hang together with nothing but the person."""
    mixed = (person * 0x9E3779B1 + salt * 0x85EBCA6B) & 0xFFFFFFFF
    return (mixed ^ mixed >> 15) * 0x2C1B3C6D >> 8 & 0xFFFFFF
