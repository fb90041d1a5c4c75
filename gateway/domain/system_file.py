"""Reading the systems of a partner file: their keys and certificates, and from when to when each of them is good."""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode
from binascii import Error as Base64Error
from collections.abc import Callable, Mapping
from ipaddress import ip_network
from types import MappingProxyType

from gateway.domain.caller import ALWAYS, Binding, KeyUse, Network, PublicKey, System, Validity
from gateway.domain.strict_table import Table, mapping, refuse_doubles

CODE = re.compile(r"[a-z][a-z0-9_-]{0,39}")
KEY_ID = re.compile(r"[A-Za-z0-9_.-]{1,64}")
MEMBERS = {"EC": ("crv", "x", "y"), "RSA": ("n", "e"), "OKP": ("crv", "x")}
KEY_TYPE = {"ES256": "EC", "PS256": "RSA", "EdDSA": "OKP"}
SMALLEST_RSA_BITS, LARGEST_RSA_BITS = 2048, 4096
SHA256_BYTES = 32
TIMES = ("not_before", "not_after", "revoked_at")


def read_systems(table: Table) -> tuple[System, ...]:
    """The systems of a partner; each client id once."""
    required, optional = {"client_id", "alg", "networks", "jwks"}, {"bindings", "certificates", "signed_requests"}
    systems = tuple(_system(row) for row in table.rows("systems", required, optional))
    refuse_doubles(table.where, "systems", [each.client_id for each in systems])
    return systems


def _system(row: Table) -> System:
    alg, keys = row.choice("alg", tuple(KEY_TYPE)), tuple(_public_key(key) for key in _key_rows(row))
    refuse_doubles(row.where, "jwks", [key.kid for key in keys])
    system = System(
        client_id=row.word("client_id", CODE),
        alg=alg,
        jwks=keys,
        certificates=_certificates(row),
        networks=_networks(row),
        bindings=frozenset(Binding(each) for each in row.choices("bindings", tuple(Binding), (Binding.MTLS,))),
        signed_requests=row.flag("signed_requests"),
    )
    _check_whole(row, system)
    return system


def _check_whole(row: Table, system: System) -> None:
    """A system that could never prove itself is a mistake in the file."""
    if (Binding.MTLS in system.bindings) != bool(system.certificates):
        raise row.refuse("certificates", "与 bindings 中的 mtls 同用：有 mtls 须至少列一张，没有则不列")
    uses = {(use, key.kty) for key in system.jwks for use in key.uses}
    if (KeyUse.ASSERTION, KEY_TYPE[system.alg]) not in uses:
        raise row.refuse("jwks", f"须有一把 use 含 assertion 的 {KEY_TYPE[system.alg]} 公钥，与 alg {system.alg} 相配")
    if any(use is KeyUse.ASSERTION and kty != KEY_TYPE[system.alg] for use, kty in uses):
        raise row.refuse("jwks", f"中 use 含 assertion 的须均为 {KEY_TYPE[system.alg]} 公钥，与 alg {system.alg} 相配")
    if system.signed_requests and not any(use is KeyUse.REQUEST for use, _ in uses):
        raise row.refuse("jwks", '须有一把 use = ["request"] 的公钥，因为 signed_requests 为 true')


def _certificates(row: Table) -> Mapping[str, Validity]:
    if "certificates" not in row.data:
        return MappingProxyType({})
    found = [_certificate(row, each) for each in row.items("certificates")]
    refuse_doubles(row.where, "certificates", [thumbprint for thumbprint, _ in found])
    return MappingProxyType(dict(found))


def _certificate(row: Table, value: object) -> tuple[str, Validity]:
    """A thumbprint, or a table of one and its times."""
    plain: Mapping[str, object] = {"thumbprint": value} if isinstance(value, str) else mapping(value, row.where)
    table = Table(plain, f"{row.where}：certificates", {"thumbprint"}, frozenset(TIMES))
    thumbprint = table.text("thumbprint")
    if len(decoded(thumbprint)) != SHA256_BYTES:
        raise row.refuse("certificates", "须为 x5t#S256 值：DER 的 SHA-256，base64url 编码，43 个字符")
    return thumbprint, _validity(table)


def _key_rows(row: Table) -> list[Table]:
    """The key rows, each with the members of its own key type and no others."""
    return [_key_row(value, place) for value, place in row.places("jwks")]


def _key_row(value: object, where: str) -> Table:
    data = mapping(value, where)
    kty = Table({name: data[name] for name in ("kty",) if name in data}, where, {"kty"}).choice("kty", tuple(MEMBERS))
    return Table(data, where, {"kid", "kty", *MEMBERS[kty]}, {"use", *TIMES})


def _public_key(row: Table) -> PublicKey:
    kty = row.text("kty")
    members = {name: row.text(name) for name in MEMBERS[kty]}
    _KEY_CHECKS[kty](row, members)
    uses = frozenset(KeyUse(each) for each in row.choices("use", tuple(KeyUse), (KeyUse.ASSERTION,)))
    return PublicKey(row.word("kid", KEY_ID), kty, MappingProxyType(members), uses, _validity(row))


def _validity(row: Table) -> Validity:
    found = Validity(*(row.moment(name) for name in TIMES))
    if found.not_before is not None and found.not_before >= found.until:
        raise row.refuse("not_before", "须早于其终止时间")
    return ALWAYS if found == ALWAYS else found


def _check_ec(row: Table, members: Mapping[str, str]) -> None:
    if members["crv"] != "P-256" or any(len(decoded(members[name])) != SHA256_BYTES for name in ("x", "y")):
        raise row.refuse("crv", "须为 P-256，x 和 y 各 32 字节，base64url 编码")


def _check_rsa(row: Table, members: Mapping[str, str]) -> None:
    modulus = int.from_bytes(decoded(members["n"]), "big")
    is_long_enough = SMALLEST_RSA_BITS <= modulus.bit_length() <= LARGEST_RSA_BITS
    if not is_long_enough or modulus % 2 == 0 or members["e"] != "AQAB":
        raise row.refuse("n", "须为 2048 至 4096 位的 RSA 奇数模，且 e = AQAB")


def _check_okp(row: Table, members: Mapping[str, str]) -> None:
    if members["crv"] != "Ed25519" or len(decoded(members["x"])) != SHA256_BYTES:
        raise row.refuse("crv", "须为 Ed25519，x 为 32 字节，base64url 编码")


_KEY_CHECKS: Mapping[str, Callable[[Table, Mapping[str, str]], None]] = {
    "EC": _check_ec,
    "RSA": _check_rsa,
    "OKP": _check_okp,
}


def _networks(row: Table) -> Mapping[str, tuple[Network, ...]]:
    table = mapping(row.data["networks"], f"{row.where}：networks")
    if not table:
        raise row.refuse("networks", "须至少写一类网络及其网段")
    for name in table:
        if not CODE.fullmatch(name):
            raise row.refuse("networks", f"的网络类名须符合 {CODE.pattern}")
    ranges = Table(table, f"{row.where}：networks", set(table))
    return MappingProxyType(
        {name: tuple(_network(ranges, name, each) for each in ranges.texts(name)) for name in table}
    )


def _network(row: Table, name: str, text: str) -> Network:
    try:
        return ip_network(text)
    except ValueError:
        raise row.refuse(name, "须列出网段，如 10.20.0.0/16，主机位为零") from None


def decoded(text: str) -> bytes:
    """The bytes of strict unpadded base64url; empty when it is not that, so that no length check passes."""
    if not re.fullmatch(r"[A-Za-z0-9_-]+", text):
        return b""
    try:
        return urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except Base64Error:
        return b""
