"""Reading one partner file.

A partner is one TOML file under `BIDUI_HOME/partners`:

    code = "hr"                                  # unique over all partners
    zh = "盟人力资源和社会保障局"
    en = "League Bureau of Human Resources"
    department = "hr"                            # the department whose rulebook applies

    [[systems]]
    client_id = "hr-payroll"
    alg = "ES256"                                # ES256, PS256 or EdDSA, for the assertions it signs
    bindings = ["mtls"]                          # or "dpop", which has no certificates, or both
    certificates = ["<x5t#S256>"]                # base64url SHA-256 of its TLS client certificates
    signed_requests = false                      # true: each comparison must be signed (RFC 9421)
    networks = { gov_extranet = ["10.20.0.0/16"] }
    [[systems.jwks]]
    kid = "2026-a"
    kty = "EC"
    crv = "P-256"
    x = "…"
    y = "…"
    use = ["assertion"]                          # or "request", a key that signs requests; assertion if not said
    not_after = 2027-01-01T00:00:00+08:00        # each key and certificate may say not_before, not_after, revoked_at

A certificate with such a time is written as a table: `{ thumbprint = "<x5t#S256>", not_after = … }`. To rotate, enrol
the new one beside the old one and let the old one end.

    [[operators]]
    id = "wang-01"
    name = "…"                                   # never in a repr, a log or the ledger's clear part
    kind = "person"                              # or "job", which names its owner, a person of this file

Unknown keys, missing keys and empty lists are errors: a file that is nearly right answers nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from gateway.domain.caller import Operator, OperatorKind, Partner
from gateway.domain.strict_table import PartnerFileError, Table, refuse_doubles
from gateway.domain.system_file import CODE, read_systems

__all__ = ["PartnerFileError", "parse_partner"]

OPERATOR_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


def parse_partner(data: Mapping[str, object], where: str) -> Partner:
    """Read one partner file. `where` (the file's name) opens every error text."""
    table = Table(data, where, required={"code", "zh", "en", "department", "systems", "operators"})
    operators = [_operator(row) for row in table.rows("operators", {"id", "name", "kind"}, {"owner"})]
    refuse_doubles(where, "operators", [each.id for each in operators])
    _check_owners(where, operators)
    return Partner(
        code=table.word("code", CODE),
        zh=table.text("zh"),
        en=table.text("en"),
        department=table.word("department", CODE),
        systems=read_systems(table),
        operators=MappingProxyType({each.id: each for each in operators}),
    )


def _operator(row: Table) -> Operator:
    kind = OperatorKind(row.choice("kind", tuple(OperatorKind)))
    if (kind is OperatorKind.JOB) != ("owner" in row.data):
        raise row.refuse("owner", "只用于定时任务：定时任务须写明，人员不写")
    owner = row.word("owner", OPERATOR_ID) if "owner" in row.data else None
    return Operator(id=row.word("id", OPERATOR_ID), name=row.text("name"), kind=kind, owner=owner)


def _check_owners(where: str, operators: list[Operator]) -> None:
    people = {each.id for each in operators if each.kind is OperatorKind.PERSON}
    for job in operators:
        if job.owner is not None and job.owner not in people:
            raise PartnerFileError(f"{where}：定时任务 {job.id} 的 owner 须为此文件中的人员")
