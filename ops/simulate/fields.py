"""What can be claimed of a person of the simulation: fields of the catalogue, their values, and names.

A value is the place of its text among the values of its field, everywhere but in a query.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.domain.query import Claim
from ops.demo.names import HAN_SURNAMES
from policies.catalogue import Catalogue, Comparator

GATE = "name"
UNIT, STATUS, QUOTA, RANK, EDUCATION, POLITICS = range(6)
FIELDS = ("unit", "person_status", "quota_type", "leader_rank", "education", "political_status")
"""From two thousand values down to six; the place of a field here is its column in the world."""

SURNAMES = tuple(name for name in HAN_SURNAMES if len(name) == 1)
GIVEN = 120
"""How many characters a given name of two is made of."""
NAMES = len(SURNAMES) * GIVEN * GIVEN
_FIRST_CHARACTER = 0x4E00
_SURNAME_PLACES = {name: place for place, name in enumerate(SURNAMES)}


def name_of(code: int) -> str:
    """The name of that number."""
    given = chr(_FIRST_CHARACTER + code // GIVEN % GIVEN) + chr(_FIRST_CHARACTER + code % GIVEN)
    return SURNAMES[code // (GIVEN * GIVEN)] + given


def code_of(name: str) -> int:
    """The number of a name."""
    first, second = ord(name[1]) - _FIRST_CHARACTER, ord(name[2]) - _FIRST_CHARACTER
    return (_SURNAME_PLACES[name[0]] * GIVEN + first) * GIVEN + second


@dataclass(frozen=True)
class Values:
    """A claim for each value of each field, made once; and each value's place again."""

    claims: Sequence[Sequence[Claim]]
    places: dict[tuple[str, str], int]

    def sizes(self) -> list[int]:
        """How many values each field has."""
        return [len(claims) for claims in self.claims]


def values_of(catalogue: Catalogue, organisations: int) -> Values:
    """The values of every field: codes of the catalogue, and the names of so many organisations."""
    texts = [[f"第{n:04}单位" for n in range(organisations)]]
    texts += [list(catalogue.fields[key].codes) for key in FIELDS[1:]]
    claims = [
        [Claim(key, Comparator.EQUALS.value, text) for text in each] for key, each in zip(FIELDS, texts, strict=True)
    ]
    return Values(claims, {(claim.field, claim.value): n for each in claims for n, claim in enumerate(each)})
