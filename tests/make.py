"""Builders with defaults: a test shows only what matters to it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from functools import cache
from itertools import count
from typing import cast

from gateway.api.body import parse
from gateway.domain.budget import Limits
from gateway.domain.caller import Caller, Operator, OperatorKind
from gateway.domain.grant import Grant, parse_grant
from gateway.domain.query import Query, parse_query
from gateway.domain.reply import Request
from gateway.ports import DataVersion
from gateway.seal import SealingKey
from policies.catalogue import Comparator, load_catalogue
from policies.conditions import Period, parse_block, parse_times
from policies.decision import PolicyVersion
from policies.identifiers import id_check_character, uscc_check_character
from policies.rows import PolicyRow, Rules
from policies.snapshot import Snapshot, compile_rules
from tests.people import PARTNERS

CATALOGUE = load_catalogue()
NOW = datetime(2026, 6, 30, 2, 0, tzinfo=UTC)
"""10:00 on a Tuesday in Shanghai."""
TODAY = date(2026, 6, 30)
ORIGIN = "gateway.example/audit/2026-1"
GENERATION = "g20260630"
VERSION = DataVersion("a" * 64, GENERATION, NOW)
KEY = SealingKey(b"k" * 32)
NAME = "张伟"
MEMBERS = {"name": NAME, "unit": "盟教育局", "quota_type": "行政编制", "person_status": "在职"}
"""What the register says of most people here."""

_keys = count(1)


def unpaced(caller: Caller, grant: str) -> None:
    """A door that lets everybody be as fast as they are."""


def an_id(number: int) -> str:
    """The id number of a person; another number, another person."""
    first17 = f"152921{1950 + number % 50}{1 + number // 50 % 12:02}{1 + number // 600 % 28:02}{number % 1000:03}"
    return first17 + id_check_character(first17)


def a_credit_code(number: int) -> str:
    """The credit code of an organisation."""
    first17 = f"11152921{number:09}"
    return first17 + uscc_check_character(first17)


def a_grant_document(**changes: object) -> dict[str, object]:
    """A grant as its TOML file gives it; `None` leaves a key out."""
    document: dict[str, object] = {
        "number": "G-1",
        "partner": "hr",
        "purpose": "payroll-check",
        "legal_basis": "某办法",
        "class": "scoped",
        "scope": ["root"],
        "fields": ["name", "unit", "quota_type", "person_status", "leader_rank", "birth_month", "pay_amount"],
        "limits": limits(),
        "networks": ["10.0.0.0/8"],
        "hours": ["00:00-24:00"],
        "valid_from": date(2026, 1, 1),
        "valid_until": date(2026, 12, 31),
        "max_data_age_days": 30,
        "tells_not_found": False,
        "hit_rate": 90,
        "contact": "某联系人",
    }
    document |= changes
    if isinstance(document["fields"], list):
        document["fields"] = dict.fromkeys(document["fields"], "核对")
    return {key: value for key, value in document.items() if value is not None}


def limits(day: int = 1_000, month: int = 10_000, comparisons: int = 100_000, year: int = 50_000) -> dict[str, int]:
    """The limits of a grant: distinct subjects a day, in 30 days and in a year, comparisons a day."""
    long = {"subjects_per_30_days": month, "subjects_per_year": year}
    return {"subjects_per_day": day, **long, "comparisons_per_day": comparisons}


def some_limits(day: int = 1_000, month: int = 10_000, comparisons: int = 100_000, year: int = 50_000) -> Limits:
    """The same, as values."""
    return Limits(day, month, year, comparisons)


def a_grant(**changes: object) -> Grant:
    """A grant for a year over the whole register."""
    return parse_grant(a_grant_document(**changes))


def a_caller(partner: str = "hr", client: str = "hr-1", address: str = "10.20.0.7") -> Caller:
    """A system of a partner with one enrolled person."""
    operator = Operator("wang-01", "王某", OperatorKind.PERSON, None)
    return Caller(partner, client, partner, {"wang-01": operator}, address, "office")


def a_body(
    number: int = 1, name: str | None = NAME, claims: Sequence[object] | None = None, **changes: object
) -> bytes:
    """The body of a comparison as it comes over the wire; `None` leaves a member out."""
    subject: dict[str, object] = {"kind": "person", "id": an_id(number)}
    if name is not None:
        subject["name"] = name
    body: dict[str, object] = {"grant": "G-1", "purpose": "payroll-check", "operator": "wang-01", "subject": subject}
    body["claims"] = [{"field": "unit", "value": "盟教育局"}] if claims is None else claims
    members = {key: value for key, value in (body | changes).items() if value is not None}
    return json.dumps(members, ensure_ascii=False).encode()


def a_claim(field: str, value: object, comparator: str = "equals") -> dict[str, object]:
    """One claim as the caller writes it."""
    return {"field": field, "value": value, "comparator": comparator}


def a_query(
    number: int = 1, name: str | None = NAME, claims: Sequence[object] | None = None, **changes: object
) -> Query:
    """A parsed query."""
    return parse_query(parse(a_body(number, name, claims, **changes)), CATALOGUE)


def a_request(
    number: int = 1,
    name: str | None = NAME,
    claims: Sequence[object] | None = None,
    *,
    caller: Caller | None = None,
    key: str | None = None,
    **changes: object,
) -> Request:
    """A request as it reaches the pipeline; its key is a new one unless the test names it."""
    body = a_body(number, name, claims, **changes)
    return Request(caller or a_caller(), parse_query(parse(body), CATALOGUE), body, key or f"key-{next(_keys)}")


@cache
def a_snapshot(*purposes: str) -> Snapshot:
    """Rules that allow these partners every comparison of every field for these purposes."""
    rows = [
        PolicyRow("R-1", "tier:all", "org:all", "class:any", op, f"purpose:{each}", "win:always", "net:any", "allow")
        for op in Comparator
        for each in purposes or ("payroll-check",)
    ]
    clients = [(f"client:{partner}-{n}", f"dept:{partner}") for partner in PARTNERS for n in range(1, 4)]
    rules = Rules(
        policy=tuple(rows),
        clients=(*clients, *((f"dept:{partner}", "tier:all") for partner in PARTNERS)),
        units=tuple((f"org:{unit}", "org:all") for unit in ("root", "other")),
        fields=tuple((f"field:{key}", "class:any") for key in CATALOGUE.fields),
        periods={"win:always": Period(parse_times("mon-sun 00:00-24:00"))},
        networks={"net:any": (parse_block("0.0.0.0/0"), parse_block("::/0"))},
        version=PolicyVersion(1, "b" * 64),
    )
    return compile_rules(rules)


def told(answer: bytes) -> Mapping[str, object]:
    """An answer, opened."""
    return cast("Mapping[str, object]", json.loads(answer))
