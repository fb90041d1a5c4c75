"""Undertakings: each by the person alone, in the words in force; who has not signed does not act, nor do their jobs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from audit.entry import JsonValue
from gateway.deeds.consents import has_undertaken
from gateway.deeds.document import Kind
from gateway.deeds.errors import DeedError
from gateway.deeds.lapse import parameters_in
from gateway.deeds.texts import UNDERTAKING
from gateway.domain.people import Duty
from gateway.drafting import ForbiddenError, Proposal
from gateway.partners import partners
from tests.lives import CLERK, HEAD, PARTNER, REVIEWER, SECURITY, SYSTEM, Life

JWK: dict[str, JsonValue] = {
    "kid": "a",
    "kty": "EC",
    "crv": "P-256",
    "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
    "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
}
SYSTEM_CONTENT: dict[str, JsonValue] = {
    "partner": PARTNER,
    "alg": "ES256",
    "bindings": ["dpop"],
    "networks": {"office": ["10.0.0.0/8"]},
    "jwks": [JWK],
}
TEXT: dict[str, JsonValue] = {"partner": PARTNER, "text": UNDERTAKING}


@pytest.fixture
def life(tmp_path: Path) -> Iterator[Life]:
    with closing(Life(tmp_path)) as made:
        by = (SYSTEM, SECURITY)
        made.synthetic.put_through(Proposal(kind=Kind.SYSTEM, id="cz-1", content=SYSTEM_CONTENT), by)
        job: dict[str, JsonValue] = {"partner": PARTNER, "name": "定时任务", "owner": CLERK}
        made.synthetic.put_through(Proposal(kind=Kind.JOB, id="cz-job", content=job), by)
        yield made


def operators(life: Life) -> set[str]:
    """Everybody and everything that may act for the partner."""
    return {each for partner in partners(life.standing) for each in partner.operators}


def test_who_has_signed_acts_and_so_do_their_jobs(life: Life) -> None:
    assert operators(life) == {HEAD, CLERK, "cz-job"}


def test_when_the_text_changes_nobody_acts_until_they_sign_it(life: Life) -> None:
    life.set_parameters(undertaking="新的承诺书")
    assert operators(life) == set()

    life.synthetic.undertake(CLERK, PARTNER)
    assert operators(life) == {CLERK, "cz-job"}
    life.synthetic.undertake(HEAD, PARTNER)
    assert operators(life) == {HEAD, CLERK, "cz-job"}


def test_an_undertaking_of_an_older_text_is_none(life: Life) -> None:
    life.set_parameters(undertaking="新的承诺书")

    assert not has_undertaken(life.standing, CLERK, parameters_in(life.standing).undertaking)
    with pytest.raises(DeedError, match="文字已有更新"):
        life.draw(Kind.UNDERTAKING, CLERK, TEXT, CLERK)


def test_nobody_undertakes_for_somebody_else(life: Life) -> None:
    life.set_parameters(undertaking="新的承诺书")
    told: dict[str, JsonValue] = {"partner": PARTNER, "text": "新的承诺书"}
    for account in (HEAD, REVIEWER, SYSTEM):
        with pytest.raises(ForbiddenError):
            life.draw(Kind.UNDERTAKING, CLERK, told, account)

    kept = life.draw(Kind.UNDERTAKING, CLERK, told, CLERK)
    with pytest.raises(DeedError):
        life.sign(kept, HEAD)


WRONG: dict[str, dict[str, JsonValue]] = {
    "another partner": {"partner": "hr"},
    "no partner": {"partner": None},
    "words of their own": {"text": "我尽量"},
    "more": {"unless": "…"},
}


@pytest.mark.parametrize("changes", WRONG.values(), ids=WRONG)
def test_an_undertaking_says_exactly_the_text_in_force(life: Life, changes: dict[str, JsonValue]) -> None:
    life.synthetic.enrol("cz-zhao", "新人", Duty.CLERK, PARTNER)

    with pytest.raises(DeedError):
        life.draw(Kind.UNDERTAKING, "cz-zhao", TEXT | changes, "cz-zhao")


def test_people_of_the_office_sign_without_a_partner(life: Life) -> None:
    kept = life.draw(Kind.UNDERTAKING, REVIEWER, {"partner": None, "text": UNDERTAKING}, REVIEWER)

    life.sign(kept, REVIEWER)

    assert has_undertaken(life.standing, REVIEWER, UNDERTAKING)
