"""Who invites whom, over HTTP; and that nobody's absence is for good."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

import pytest

from gateway.domain.people import THREE, Duty
from ops.demo.office import IDS, number_of
from tests.desks import OpenOffice, a_desk_over
from tests.lives import CLERK, HEAD, PARTNER, Life


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenOffice]:
    life = Life(tmp_path_factory.mktemp("people"))
    with a_desk_over(life.home) as desk:
        office = OpenOffice(desk)
        yield office
        office.close()
    life.close()


EVERYBODY = [*Duty]
MAY_INVITE = {Duty.SYSTEM_ADMIN: set(EVERYBODY), Duty.SECURITY_ADMIN: set(THREE), Duty.AUDIT_ADMIN: set(THREE)}


@pytest.mark.parametrize("duty", EVERYBODY)
@pytest.mark.parametrize("by", EVERYBODY)
def test_administrators_can_be_followed_and_nobody_else_invites(office: OpenOffice, by: Duty, duty: Duty) -> None:
    account = {Duty.CLERK: CLERK, Duty.HEAD: HEAD}.get(by) or IDS[by]
    new = f"by.{by.value}.{duty.value}".replace("_", "-")
    partner = PARTNER if duty in {Duty.CLERK, Duty.HEAD} else None
    body = {"id": new, "name": "新人", "duty": duty.value, "id_number": number_of(new), "partner": partner}

    status = _status(office, account, body)

    assert status == (201 if duty in MAY_INVITE.get(by, ()) else 403)


def _status(office: OpenOffice, account: str, body: Mapping[str, object]) -> int:
    who = office.somebody(account)
    content = json.dumps(body).encode()
    headers = {**who.headers, "content-type": "application/json"}
    return office.send("POST", "invitations", headers, content).status_code
