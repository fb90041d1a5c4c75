"""What the deeds in force give: rules, grants, freezes. The same for turns as for explanations of old decisions.

Rules are those of one version for the systems that are registered: who belongs to which department is a deed, too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from gateway.deeds.cohorts import Cohort, cohort_in_force
from gateway.deeds.deed import Deed
from gateway.deeds.document import Document, Kind
from gateway.deeds.granting import read_grant
from gateway.deeds.lapse import End, end_of_grant, followed_in, parameters_in
from gateway.deeds.releasing import exemption_of
from gateway.deeds.standing import Standing
from gateway.deeds.steps import RELEASE
from gateway.domain.exemption import Exemption
from gateway.domain.grant import Grant, GrantClass
from gateway.partners import departments
from gateway.proposals import RULEBOOKS_ID
from policies.catalogue import Catalogue
from policies.publication import Texts, load_texts
from policies.rows import Rules
from policies.snapshot import Snapshot, compile_rules

_NO_TEXTS = Texts({}, {}, {})
NO_DIGEST = "0" * 64
"""That of the rules before the first version of the rulebooks."""


class Compiler:
    """Compiles rules when they or the systems they speak of have changed, and not for every new grant."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._made: tuple[object, Snapshot] | None = None

    def compile(self, standing: Standing) -> Snapshot:
        """The snapshot of the version in force; before the first, one that permits nothing. Raises `RulebookError`."""
        deed, clients = standing.deed(Kind.RULEBOOKS, RULEBOOKS_ID), departments(standing)
        key = (deed.digest if deed else "", clients)
        if self._made is None or self._made[0] != key:
            self._made = (key, compile_rules(rules_of(deed, clients, self._catalogue)))
        return self._made[1]


def rules_of(deed: Deed | None, clients: Mapping[str, str], catalogue: Catalogue) -> Rules:
    """The rules of a rulebooks deed for these systems; of none, rules that permit nothing. Raises `RulebookError`."""
    document = deed.document if deed else None
    number, digest = (document.serial, deed.digest) if document and deed else (0, NO_DIGEST)
    texts = Texts.of_content(document.content) if document else _NO_TEXTS
    return load_texts(texts, catalogue, clients, number=number, digest=digest)


def grants_of(standing: Standing) -> dict[str, Grant]:
    """Grants in force whose partner is, too. Raises `DeedError`."""
    return {document.id: read_grant(document) for document in _grants(standing)}


def ends_of(standing: Standing, grants: Mapping[str, Grant]) -> dict[str, End]:
    """When grants lapse, of those that ever do. Raises `DeedError`."""
    parameters = parameters_in(standing)
    found = {
        number: end_of_grant(deed, grant, followed_in(standing, number), parameters)
        for number, grant in grants.items()
        if (deed := standing.deed(Kind.GRANT, number)) is not None
    }
    return {number: end for number, end in found.items() if end is not None}


def frozen_of(standing: Standing) -> frozenset[str]:
    """What is frozen, as `kind.id`."""
    return frozenset(document.id for document in standing.of(Kind.FREEZE) if document.content["frozen"] is True)


def exempt_of(standing: Standing) -> dict[str, Exemption]:
    """By grant the exception that its last release gives, over or not. Whatever is signed later ends it."""
    found = (exemption_of(each) for each in standing.of(Kind.FREEZE) if each.path == RELEASE)
    return {each.grant: each for each in found if each is not None}


def cohorts_of(standing: Standing, grants: Mapping[str, Grant]) -> dict[str, Cohort]:
    """Of the closed grants the list in force, where there is one. Raises `DeedError`."""
    closed = [grant for grant in grants.values() if grant.grant_class is GrantClass.CLOSED]
    found = {grant.number: cohort_in_force(standing, grant.number) for grant in closed}
    return {n: each for n, each in found.items() if each is not None and each.partner == grants[n].partner}


def _grants(standing: Standing) -> Iterator[Document]:
    for document in standing.of(Kind.GRANT):
        if standing.content(Kind.PARTNER, str(document.content["partner"])) is not None:
            yield document
