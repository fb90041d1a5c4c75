"""A request as it is asked about: all that judging looks at, and nothing of whom it was about."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

from gateway.domain.caller import Caller, Partner, System
from gateway.domain.query import Query, Subject
from policies.catalogue import Catalogue, Comparator

Claims = tuple[tuple[str, str], ...]
"""Field and comparator."""


@dataclass(frozen=True, kw_only=True)
class Question:
    """A request to explain. `grant` None: the rulebook alone. `unopened` names facts that are not known: they are
    taken to be as they should, and told as not opened; among them are causes of conditions, and the rulebook.
    """

    client: str
    purpose: str
    claims: Claims
    address: str
    grant: str | None = None
    operator: str = ""
    matter: bool = False
    signed: bool = False
    as_of: date | None = None
    unopened: frozenset[str] = field(default_factory=frozenset[str])


def with_gate(claims: Claims, catalogue: Catalogue) -> Claims:
    """Claims as they are asked: the identity gate of their kind first, named or not."""
    gate = tuple((key, Comparator.EQUALS.value) for key in gate_of(claims, catalogue))
    return (*gate, *(claim for claim in claims if claim not in gate))


def gate_of(claims: Claims, catalogue: Catalogue) -> tuple[str, ...]:
    """The fields of the identity gate of the kind of subject that is asked about."""
    kinds = [catalogue.fields[key].kind for key, _ in claims if key in catalogue.fields]
    return catalogue.kinds[kinds[0]].gate if kinds else ()


def query_of(question: Question, catalogue: Catalogue) -> Query:
    """The query without its subject and values: nothing that judges looks at them."""
    return Query(
        question.grant or "",
        question.purpose,
        question.operator,
        "-" if question.matter else None,
        question.as_of,
        Subject("", "", ()),
        gate_of(question.claims, catalogue),
        (),
        question.claims,
    )


def caller_of(question: Question, partner: Partner, system: System) -> Caller:
    """The caller, as if the door had let it in."""
    network, signature = system.network_of(question.address) or "", b"-" if question.signed else None
    return Caller(
        partner.code, system.client_id, partner.department, partner.operators, question.address, network, signature
    )
