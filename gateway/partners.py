"""Partners as their deeds make them: a department, its systems, its enrolled people and jobs, put together.

A partner, a system, a person and a job are each a deed of their own, so that each is changed by itself. Here they
become the `Partner` that callers are known by.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import NamedTuple, cast

from audit.entry import JsonValue
from gateway.deeds.consents import has_undertaken
from gateway.deeds.document import Document, Kind
from gateway.deeds.errors import DeedError
from gateway.deeds.lapse import parameters_in
from gateway.deeds.standing import Standing
from gateway.domain.caller import LAST, Partner, System
from gateway.domain.partner_file import PartnerFileError, parse_partner
from gateway.domain.people import PARTNER_DUTIES, Person

PARTNER_MEMBERS = frozenset({"zh", "en", "department", "contact", "active"})
JOB_MEMBERS = frozenset({"partner", "name", "owner", "active"})
_MOMENTS = frozenset({"not_before", "not_after", "revoked_at"})


class Credential(NamedTuple):
    """What a system proves itself with: a certificate by thumbprint, or a key by its kid; and when it ends."""

    system: str
    partner: str
    is_certificate: bool
    name: str
    until: datetime


def partners(standing: Standing) -> Iterator[Partner]:
    """Every partner that has a system and somebody to act for it; others cannot ask yet. Raises `DeedError`."""
    for document in standing.of(Kind.PARTNER):
        systems = [each for each in standing.of(Kind.SYSTEM) if each.content["partner"] == document.id]
        operators = [*_people(standing, document.id), *_jobs(standing, document.id)]
        if systems and operators:
            yield put_together(document, [_system(each) for each in systems], operators)


def departments(standing: Standing) -> dict[str, str]:
    """The department of each registered system, as rulebooks name them."""
    home = {each.id: str(each.content["department"]) for each in standing.of(Kind.PARTNER)}
    systems = ((each.id, str(each.content["partner"])) for each in standing.of(Kind.SYSTEM))
    return {f"client:{system}": f"dept:{home[partner]}" for system, partner in systems if partner in home}


def put_together(
    document: Document, systems: list[Mapping[str, object]], operators: list[Mapping[str, object]]
) -> Partner:
    """The partner of these parts. Raises `DeedError` for a part that is wrong."""
    content = document.content
    whole = {
        "code": document.id,
        **{name: content[name] for name in ("zh", "en", "department")},
        "systems": systems,
        "operators": operators,
    }
    try:
        return parse_partner(whole, f"合作部门 {document.id}")
    except PartnerFileError as error:
        raise DeedError(str(error)) from None


def check_system(document: Document, standing: Standing) -> None:
    """Whether a system can be registered as it is proposed. Raises `DeedError`."""
    _registered(document, standing)


def credentials(standing: Standing) -> Iterator[Credential]:
    """Every key and certificate of every system that ends some day. Raises `DeedError`."""
    for document in standing.of(Kind.SYSTEM):
        system, partner = _registered(document, standing), str(document.content["partner"])
        named = [(False, key.kid, key.validity) for key in system.jwks]
        named += [(True, each, validity) for each, validity in system.certificates.items()]
        for is_certificate, name, validity in named:
            if validity.until < LAST:
                yield Credential(document.id, partner, is_certificate, name, validity.until)


def _registered(document: Document, standing: Standing) -> System:
    """The system of a deed, whoever may act with it."""
    partner = standing.get(Kind.PARTNER, str(document.content.get("partner", "")))
    if partner is None:
        raise DeedError("partner 须为已登记的合作部门的编码")
    anybody: Mapping[str, object] = {"id": "nobody", "name": "-", "kind": "person"}
    return put_together(partner, [_system(document)], [anybody]).systems[0]


def _system(document: Document) -> Mapping[str, object]:
    content = {name: value for name, value in document.content.items() if name not in {"partner", "active"}}
    return {"client_id": document.id, **cast("Mapping[str, object]", _with_moments(content))}


def _with_moments(value: JsonValue) -> object:
    """Times are texts where they are signed, and instants where they are read."""
    if isinstance(value, Mapping):
        return {name: _moment(each) if name in _MOMENTS else _with_moments(each) for name, each in value.items()}
    return [_with_moments(each) for each in value] if isinstance(value, list) else value


def _moment(value: JsonValue) -> datetime:
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError:
        raise DeedError("时间须写如 2026-12-31T00:00:00+08:00") from None
    if moment.tzinfo is None:
        raise DeedError("时间须写明时区，如 2026-12-31T00:00:00+08:00")
    return moment


def _people(standing: Standing, partner: str) -> list[Mapping[str, object]]:
    """Those who may act: who has not signed the undertaking in force, or is frozen, may not."""
    text = parameters_in(standing).undertaking
    people = (each for each in standing.roll.people() if each.partner == partner and each.duty in PARTNER_DUTIES)
    bound = (person for person in people if has_undertaken(standing, person.id, text))
    return [_operator(person) for person in bound if not standing.is_frozen(Kind.PERSON, person.id)]


def _operator(person: Person) -> Mapping[str, object]:
    return {"id": person.id, "name": person.name, "kind": "person"}


def _jobs(standing: Standing, partner: str) -> list[Mapping[str, object]]:
    """Jobs whose owner is still enrolled; when the owner leaves, the job stops."""
    owners = {str(each["id"]) for each in _people(standing, partner)}
    jobs = (each for each in standing.of(Kind.JOB) if each.content["partner"] == partner)
    return [
        {"id": job.id, "name": job.content["name"], "kind": "job", "owner": job.content["owner"]}
        for job in jobs
        if job.content["owner"] in owners
    ]
