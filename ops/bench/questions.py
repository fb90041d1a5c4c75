"""The bodies a bench sends: questions about persons of the register, some absent, some with one wrong claim."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random

import msgspec

from ops.bench.persons import BANNERS, CLAIMED, KIND, UNITS_A_BANNER, Persons
from ops.bench.stage import PARTNER, WIDE

ABSENT = 0.10
WRONG = 0.12
_WRONG_FIELD = "person_status"


def body(
    persons: Persons, person: int, *, grant: str = WIDE, name: str = "", wrong: bool = False, other: bool = False
) -> bytes:
    """One question, five claims, as JSON in UTF-8; `wrong` puts one claim wrong, `other` all, `name` another name."""
    values = persons.values(person)
    claims: dict[str, str] = {key: values[key] for key in CLAIMED}
    if wrong:
        claims[_WRONG_FIELD] = persons.other(_WRONG_FIELD, claims[_WRONG_FIELD])
    if other:
        claims = {key: persons.values(person + BANNERS * UNITS_A_BANNER + 1)[key] for key in CLAIMED}
    subject = {"kind": KIND, "id": persons.number(person), "name": name or values["name"]}
    return _encode(grant, subject, claims)


def bodies(persons: Persons, count: int, wanted: int, seed: int = 1) -> list[bytes]:
    """So many questions about a register of `count` persons, about different ones where there are enough."""
    rng = Random(seed)
    known = round(wanted * (1 - ABSENT))
    present = rng.sample(range(count), known) if known <= count else rng.choices(range(count), k=known)
    made = [body(persons, person, wrong=rng.random() < WRONG) for person in present]
    # No more of them than an honest list of these persons would have, or the watch would stop the bench.
    unknown = max(1, round(count * ABSENT / (1 - ABSENT)))
    made += [body(persons, count + extra % unknown) for extra in range(wanted - len(made))]
    rng.shuffle(made)
    return made


def _encode(grant: str, subject: Mapping[str, str], claims: Mapping[str, str]) -> bytes:
    return msgspec.json.encode(
        {
            "grant": grant,
            "purpose": PARTNER.purpose,
            "operator": PARTNER.operator,
            "subject": subject,
            "claims": [{"field": key, "value": value} for key, value in claims.items()],
        }
    )
