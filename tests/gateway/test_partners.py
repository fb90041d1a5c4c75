"""Who may ask follows from many deeds together, and no deed that is right by itself may break the rest."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import cast

import pytest

from adapters.identity.jose import jose_key, public_jwk
from adapters.identity.registry import Registry
from audit.entry import JsonValue
from gateway.deeds.document import Kind
from gateway.deeds.errors import DeedError
from gateway.domain.people import Duty
from gateway.in_force import Compiler
from gateway.partners import departments, partners
from tests.adapters.make_identity import EC_PRINT, RSA_PRINT, ec_key, rsa_key
from tests.lives import CLERK, HEAD, PARTNER, SECURITY, SYSTEM, Life
from tests.make import CATALOGUE

OTHER = "rs"
OFFICE: dict[str, JsonValue] = {"zh": "财政局", "en": "Finance", "department": "caizheng"}


def a_system(**changes: object) -> dict[str, JsonValue]:
    """A system with one key and one certificate."""
    members: dict[str, object] = {
        "partner": PARTNER,
        "alg": "ES256",
        "certificates": [EC_PRINT],
        "networks": {"gov_extranet": ["10.20.0.0/16"]},
        "jwks": [public_jwk(jose_key(ec_key("client")))],
    }
    return cast("dict[str, JsonValue]", members | changes)


RSA: dict[str, object] = {
    "alg": "PS256",
    "certificates": [RSA_PRINT],
    "jwks": [public_jwk(jose_key(rsa_key("client")))],
}


@pytest.fixture
def life(tmp_path: Path) -> Iterator[Life]:
    """Two partners; the first has a system, a clerk and a job."""
    life = Life(tmp_path)
    register(life, Kind.SYSTEM, "cz-1", a_system())
    register(life, Kind.JOB, "cz-nightly", {"partner": PARTNER, "name": "夜间核对", "owner": CLERK})
    life.synthetic.register(OTHER, {"zh": "人社局", "en": "HR", "department": "renshe"})
    life.synthetic.enrol("rs-li", "经办人", Duty.CLERK, OTHER)
    yield life
    life.close()


def register(life: Life, kind: Kind, deed_id: str, told: Mapping[str, JsonValue]) -> None:
    """Two administrators sign it."""
    life.sign(life.draw(kind, deed_id, told, SYSTEM), SYSTEM, SECURITY)


def registered(life: Life) -> Registry:
    """Everybody who may ask."""
    return Registry(partners(life.standing))


def test_a_partner_is_put_together_of_its_deeds(life: Life) -> None:
    partner = registered(life).partners[PARTNER]

    assert (partner.zh, partner.en, partner.department) == ("财政局", "Finance", "caizheng")
    assert [system.client_id for system in partner.systems] == ["cz-1"]
    assert set(partner.operators) == {CLERK, HEAD, "cz-nightly"}
    assert partner.operators["cz-nightly"].owner == CLERK
    assert departments(life.standing) == {"client:cz-1": "dept:caizheng"}


GONE: dict[str, tuple[Callable[[Life], object], set[str], set[str]]] = {
    "a partner that was ended": (
        lambda life: register(life, Kind.PARTNER, PARTNER, {**OFFICE, "active": False}),
        set(),
        set(),
    ),
    "a system that was ended": (
        lambda life: register(life, Kind.SYSTEM, "cz-1", a_system(active=False)),
        set(),
        set(),
    ),
    "a job that was ended": (
        lambda life: register(
            life,
            Kind.JOB,
            "cz-nightly",
            {"partner": PARTNER, "name": "夜间核对", "owner": CLERK, "active": False},
        ),
        {PARTNER},
        {CLERK, HEAD},
    ),
    "a person who was ended, with their job": (lambda life: end(life, CLERK), {PARTNER}, {HEAD}),
    "a person who is frozen, with their job": (lambda life: freeze(life, f"person.{CLERK}"), {PARTNER}, {HEAD}),
}


def end(life: Life, account: str) -> None:
    """Takes somebody off the roll."""
    document = life.standing.get(Kind.PERSON, account)
    assert document is not None
    register(life, Kind.PERSON, account, {**document.content, "active": False})


def freeze(life: Life, target: str) -> None:
    """安全管理员 alone."""
    life.sign(life.draw(Kind.FREEZE, target, {"frozen": True}, SECURITY, reason="核查"), SECURITY)


@pytest.mark.parametrize(("act", "left", "operators"), GONE.values(), ids=GONE)
def test_what_was_ended_or_frozen_asks_no_more(
    life: Life, act: Callable[[Life], object], left: set[str], operators: set[str]
) -> None:
    act(life)

    found = registered(life).partners
    Compiler(CATALOGUE).compile(life.standing)
    assert found.keys() == left
    assert {each for partner in found.values() for each in partner.operators} == operators


def test_a_partner_without_a_system_cannot_ask_yet(life: Life) -> None:
    assert OTHER not in registered(life).partners


# Each of these is a right deed by itself. Approved, it would make what is in force impossible to put together, and
# nobody at all would be answered any more.
BREAKING: dict[str, tuple[Kind, str, dict[str, JsonValue]]] = {
    "another system with the same key": (Kind.SYSTEM, "cz-2", a_system(certificates=[RSA_PRINT])),
    "another system with the same certificate": (Kind.SYSTEM, "cz-2", a_system(**RSA | {"certificates": [EC_PRINT]})),
    "another partner's system with the same key": (
        Kind.SYSTEM,
        "rs-1",
        a_system(partner=OTHER, certificates=[RSA_PRINT]),
    ),
    "a job that goes by a person's account": (
        Kind.JOB,
        HEAD,
        {"partner": PARTNER, "name": "核对", "owner": CLERK},
    ),
    "a job that goes by its owner's account": (
        Kind.JOB,
        CLERK,
        {"partner": PARTNER, "name": "核对", "owner": CLERK},
    ),
    "a job by a number that no operator has": (
        Kind.JOB,
        "夜间〔一〕",
        {"partner": PARTNER, "name": "核对", "owner": CLERK},
    ),
    "a job whose name is a page long": (
        Kind.JOB,
        "cz-weekly",
        {"partner": PARTNER, "name": "核" * 5000, "owner": CLERK},
    ),
    "a key that is no point of its curve": (
        Kind.SYSTEM,
        "cz-2",
        a_system(certificates=[RSA_PRINT], jwks=[{**public_jwk(jose_key(ec_key("client"))), "x": "A" * 43}]),
    ),
    "a department that is no code": (Kind.PARTNER, PARTNER, {**OFFICE, "department": "财政 局"}),
    "a name of nothing but blanks": (Kind.PARTNER, PARTNER, {**OFFICE, "zh": "  "}),
}


@pytest.mark.parametrize(("kind", "deed_id", "told"), BREAKING.values(), ids=BREAKING)
def test_no_deed_that_fits_by_itself_breaks_what_is_in_force(
    life: Life, kind: Kind, deed_id: str, told: dict[str, JsonValue]
) -> None:
    with pytest.raises(DeedError):
        register(life, kind, deed_id, told)

    assert registered(life).partners.keys() == {PARTNER}
