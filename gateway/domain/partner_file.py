"""Reading one partner file.

A partner is one TOML file under `BIDUI_HOME/partners`:

    code = "hr"                                  # unique over all partners
    zh = "盟人力资源和社会保障局"
    en = "League Bureau of Human Resources"
    department = "hr"                            # the department whose rulebook applies

    [[systems]]
    client_id = "hr-payroll"
    alg = "ES256"                                # ES256 or PS256, for the assertions it signs
    certificates = ["<x5t#S256>"]                # base64url SHA-256 of its TLS client certificates
    networks = { gov_extranet = ["10.20.0.0/16"] }
    [[systems.jwks]]
    kid = "2026-a"
    kty = "EC"
    crv = "P-256"
    x = "…"
    y = "…"

    [[operators]]
    id = "wang-01"
    name = "…"                                   # never in a repr, a log or the ledger's clear part
    kind = "person"                              # or "job", which names its owner, a person of this file

Unknown keys, missing keys and empty lists are errors: a file that is nearly right answers nothing.
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode
from binascii import Error as Base64Error
from collections.abc import Callable, Mapping
from ipaddress import ip_network
from types import MappingProxyType
from typing import cast

from gateway.domain.caller import Network, Operator, OperatorKind, Partner, PublicKey, System

CODE = re.compile(r"[a-z][a-z0-9_-]{0,39}")
OPERATOR_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
KEY_ID = re.compile(r"[A-Za-z0-9_.-]{1,64}")
MEMBERS = {"EC": ("crv", "x", "y"), "RSA": ("n", "e")}
KEY_TYPE = {"ES256": "EC", "PS256": "RSA"}
SMALLEST_RSA_BITS = 2048
SHA256_BYTES = 32


class PartnerFileError(ValueError):
    """A partner file cannot be used. The text names the file, the place and what to do; never a name or a key."""


def parse_partner(data: Mapping[str, object], where: str) -> Partner:
    """Read one partner file. `where` (the file's name) opens every error text."""
    table = _Table(data, where, required={"code", "zh", "en", "department", "systems", "operators"})
    operators = [_operator(row) for row in table.rows("operators", {"id", "name", "kind"}, {"owner"})]
    _refuse_doubles(where, "operators", [each.id for each in operators])
    _check_owners(where, operators)
    systems = [
        _system(row)
        for row in table.rows("systems", {"client_id", "alg", "certificates", "networks", "jwks"}, frozenset())
    ]
    _refuse_doubles(where, "systems", [each.client_id for each in systems])
    return Partner(
        code=table.word("code", CODE),
        zh=table.text("zh"),
        en=table.text("en"),
        department=table.word("department", CODE),
        systems=tuple(systems),
        operators=MappingProxyType({each.id: each for each in operators}),
    )


class _Table:
    """One TOML table with its place, so that every complaint says where. Made only with exactly the known keys."""

    def __init__(
        self,
        data: Mapping[str, object],
        where: str,
        required: set[str],
        optional: frozenset[str] | set[str] = frozenset(),
    ) -> None:
        self.data, self.where = data, where
        if unknown := sorted(data.keys() - required - optional):
            raise PartnerFileError(
                f"{where}: unknown key {', '.join(unknown)}; allowed: {', '.join(sorted(required | optional))}"
            )
        if missing := sorted(required - data.keys()):
            raise PartnerFileError(f"{where}: add {', '.join(missing)}")

    def refuse(self, key: str, what: str) -> PartnerFileError:
        return PartnerFileError(f"{self.where}: {key} {what}")

    def text(self, key: str) -> str:
        value = self.data[key]
        if not isinstance(value, str) or not value.strip() or len(value) > 1200:
            raise self.refuse(key, "must be text, not empty")
        return value

    def word(self, key: str, pattern: re.Pattern[str]) -> str:
        value = self.text(key)
        if not pattern.fullmatch(value):
            raise self.refuse(key, f"must look like {pattern.pattern}")
        return value

    def choice(self, key: str, allowed: tuple[str, ...]) -> str:
        value = self.text(key)
        if value not in allowed:
            raise self.refuse(key, f"must be one of {', '.join(allowed)}")
        return value

    def texts(self, key: str) -> list[str]:
        value = self.data[key]
        if (
            not isinstance(value, list)
            or not value
            or not all(isinstance(each, str) for each in cast("list[object]", value))
        ):
            raise self.refuse(key, "must be a list of texts, not empty")
        return cast("list[str]", value)

    def rows(self, key: str, required: set[str], optional: frozenset[str] | set[str]) -> list[_Table]:
        value = self.data[key]
        if not isinstance(value, list) or not value:
            raise self.refuse(key, "must be a list of tables, not empty")
        return [
            _Table(
                _mapping(row, f"{self.where}: {key}[{number}]"), f"{self.where}: {key}[{number}]", required, optional
            )
            for number, row in enumerate(cast("list[object]", value), 1)
        ]


def _mapping(value: object, where: str) -> Mapping[str, object]:
    if not isinstance(value, Mapping):
        raise PartnerFileError(f"{where} must be a table")
    return cast("Mapping[str, object]", value)


def _operator(row: _Table) -> Operator:
    kind = OperatorKind(row.choice("kind", tuple(OperatorKind)))
    if (kind is OperatorKind.JOB) != ("owner" in row.data):
        raise row.refuse("owner", "is for jobs: a job names its owner, a person has none")
    owner = row.word("owner", OPERATOR_ID) if "owner" in row.data else None
    return Operator(id=row.word("id", OPERATOR_ID), name=row.text("name"), kind=kind, owner=owner)


def _check_owners(where: str, operators: list[Operator]) -> None:
    people = {each.id for each in operators if each.kind is OperatorKind.PERSON}
    for job in operators:
        if job.owner is not None and job.owner not in people:
            raise PartnerFileError(f"{where}: the owner of job {job.id} must be a person of this file")


def _system(row: _Table) -> System:
    alg = row.choice("alg", tuple(KEY_TYPE))
    certificates = row.texts("certificates")
    for each in certificates:
        if len(_decoded(each)) != SHA256_BYTES:
            raise row.refuse("certificates", "must be x5t#S256 values: SHA-256 of the DER, base64url, 43 characters")
    keys = [_public_key(key, KEY_TYPE[alg]) for key in _jwks(row)]
    _refuse_doubles(row.where, "jwks", [key.kid for key in keys])
    _refuse_doubles(row.where, "certificates", certificates)
    return System(row.word("client_id", CODE), alg, tuple(keys), frozenset(certificates), _networks(row))


def _jwks(row: _Table) -> list[_Table]:
    """The key rows, with the members of the key type that the assertion algorithm needs and no others."""
    members = set(MEMBERS[KEY_TYPE[row.choice("alg", tuple(KEY_TYPE))]])
    return row.rows("jwks", {"kid", "kty"} | members, frozenset())


def _public_key(row: _Table, kty: str) -> PublicKey:
    row.choice("kty", (kty,))
    members = {name: row.text(name) for name in MEMBERS[kty]}
    _KEY_CHECKS[kty](row, members)
    return PublicKey(row.word("kid", KEY_ID), kty, MappingProxyType(members))


def _check_ec(row: _Table, members: Mapping[str, str]) -> None:
    if members["crv"] != "P-256" or any(len(_decoded(members[name])) != SHA256_BYTES for name in ("x", "y")):
        raise row.refuse("crv", "must be P-256 with x and y of 32 bytes, base64url")


def _check_rsa(row: _Table, members: Mapping[str, str]) -> None:
    modulus = int.from_bytes(_decoded(members["n"]), "big")
    if modulus.bit_length() < SMALLEST_RSA_BITS or modulus % 2 == 0 or members["e"] != "AQAB":
        raise row.refuse("n", "must be an odd RSA modulus of 2048 bits or more, with e = AQAB")


_KEY_CHECKS: Mapping[str, Callable[[_Table, Mapping[str, str]], None]] = {"EC": _check_ec, "RSA": _check_rsa}


def _networks(row: _Table) -> Mapping[str, tuple[Network, ...]]:
    table = _mapping(row.data["networks"], f"{row.where}: networks")
    if not table:
        raise row.refuse("networks", "must name at least one network class with its address ranges")
    for name in table:
        if not CODE.fullmatch(name):
            raise row.refuse("networks", f"class names must look like {CODE.pattern}")
    ranges = _Table(table, f"{row.where}: networks", set(table))
    return MappingProxyType(
        {name: tuple(_network(ranges, name, each) for each in ranges.texts(name)) for name in table}
    )


def _network(row: _Table, name: str, text: str) -> Network:
    try:
        return ip_network(text)
    except ValueError:
        raise row.refuse(name, "must hold address ranges such as 10.20.0.0/16, without host bits") from None


def _decoded(text: str) -> bytes:
    """The bytes of strict unpadded base64url; empty when it is not that, so that no length check passes."""
    if not re.fullmatch(r"[A-Za-z0-9_-]+", text):
        return b""
    try:
        return urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except Base64Error:
        return b""


def _refuse_doubles(where: str, key: str, values: list[str]) -> None:
    if len(set(values)) != len(values):
        raise PartnerFileError(f"{where}: {key} names the same one twice")
