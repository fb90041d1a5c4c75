"""Partner files: read exactly or not at all, and no two systems share what they prove themselves with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.identity.jose import jose_key, public_jwk
from adapters.identity.registry import Registry
from gateway.domain.caller import ALWAYS, OperatorKind
from gateway.domain.partner_file import PartnerFileError, parse_partner
from tests.adapters.make_identity import (
    AT,
    EC_PRINT,
    OPERATOR_NAME,
    OTHER_PRINT,
    RSA_PRINT,
    a_registry,
    b64,
    ec_key,
    partner_data,
)

Data = dict[str, object]
ED25519: Mapping[str, object] = {"kid": "ed", "kty": "OKP", "crv": "Ed25519", "x": "A" * 43}


def system(data: Data, number: int = 0) -> Data:
    return cast("list[Data]", data["systems"])[number]


def jwk(data: Data, number: int = 0) -> Data:
    return cast("list[Data]", system(data, number)["jwks"])[0]


def keys(data: Data) -> list[Mapping[str, object]]:
    return cast("list[Mapping[str, object]]", system(data)["jwks"])


def operator(data: Data, number: int = 0) -> Data:
    return cast("list[Data]", data["operators"])[number]


def test_a_partner_file_says_who_may_act_and_how() -> None:
    partner = parse_partner(partner_data(), "hr.toml")

    assert (partner.code, partner.department, len(partner.systems)) == ("hr", "hr", 2)
    assert partner.systems[0].certificates == {EC_PRINT: ALWAYS}
    assert partner.operators["wang-01"].kind is OperatorKind.PERSON
    assert partner.operators["nightly"].owner == "wang-01"


def test_names_and_keys_stay_out_of_every_repr() -> None:
    partner = parse_partner(partner_data(), "hr.toml")

    shown = f"{partner!r} {partner.operators['wang-01']!r} {a_registry().client('hr-payroll')!r}"
    assert OPERATOR_NAME not in shown
    assert public_jwk(jose_key(ec_key("client")))["x"] not in shown


BROKEN: Mapping[str, tuple[Callable[[Data], object], str]] = {
    "unknown key": (lambda d: d.update(note="x"), "不认识的键 note"),
    "unknown key in a system": (lambda d: system(d).update(secret="x"), "不认识的键 secret"),
    "unknown key in an operator": (lambda d: operator(d).update(phone="x"), "不认识的键 phone"),
    "private key in the file": (lambda d: jwk(d).update(d="AAAA"), "不认识的键 d"),
    "code missing": (lambda d: d.pop("code"), "请补上 code"),
    "code in Chinese": (lambda d: d.update(code="人社"), "code 须符合"),
    "code a number": (lambda d: d.update(code=7), "code 须为非空文本"),
    "name empty": (lambda d: d.update(zh=" "), "zh 须为非空文本"),
    "no systems": (lambda d: d.update(systems=[]), "systems 须为非空列表"),
    "systems a text": (lambda d: d.update(systems="hr"), "systems 须为非空列表"),
    "a system that is a text": (lambda d: d.update(systems=["hr"]), "须为表"),
    "no operators": (lambda d: d.update(operators=[]), "operators 须为非空列表"),
    "client id twice": (lambda d: system(d, 1).update(client_id="hr-payroll"), "中有重复"),
    "operator twice": (lambda d: operator(d, 1).update(id="wang-01"), "中有重复"),
    "algorithm of another kind": (lambda d: system(d).update(alg="RS256"), "alg 须为其中之一：ES256、PS256"),
    "algorithm for another key": (lambda d: system(d).update(alg="PS256"), "须有一把 use 含 assertion 的 RSA 公钥"),
    "algorithm for one key only": (lambda d: keys(d).append(ED25519), "须均为 EC 公钥"),
    "no certificates": (lambda d: system(d).update(certificates=[]), "certificates 须为非空列表"),
    "certificate as hex": (lambda d: system(d).update(certificates=["ab" * 32]), "x5t#S256"),
    "certificate with padding": (lambda d: system(d).update(certificates=[EC_PRINT + "="]), "x5t#S256"),
    "certificate cut": (lambda d: system(d).update(certificates=["A" * 41]), "x5t#S256"),
    "certificate a number": (lambda d: system(d).update(certificates=[7]), "须为表"),
    "certificate a table with more": (lambda d: system(d).update(certificates=[{"thumbprint": EC_PRINT, "x": 1}]), "x"),
    "certificate with a local time": (
        lambda d: system(d).update(certificates=[{"thumbprint": EC_PRINT, "not_after": datetime(2027, 1, 1)}]),  # noqa: DTZ001 - the case
        "须为带时区的时刻",
    ),
    "certificate with a day": (
        lambda d: system(d).update(certificates=[{"thumbprint": EC_PRINT, "not_after": "2027-01-01"}]),
        "须为带时区的时刻",
    ),
    "certificates with dpop alone": (lambda d: system(d).update(bindings=["dpop"]), "没有则不列"),
    "mtls without certificates": (lambda d: system(d).pop("certificates"), "须至少列一张"),
    "binding unknown": (lambda d: system(d).update(bindings=["bearer"]), "须从 mtls、dpop 中选列"),
    "binding twice": (lambda d: system(d).update(bindings=["mtls", "mtls"]), "不得重复"),
    "no binding": (lambda d: system(d).update(bindings=[]), "bindings 须为非空的文本列表"),
    "signed requests in words": (lambda d: system(d).update(signed_requests="yes"), "true 或 false"),
    "signed requests without a key": (lambda d: system(d).update(signed_requests=True), 'use = ["request"]'),
    "key for no known use": (lambda d: jwk(d).update(use=["sig"]), "须从 assertion、request 中选列"),
    "key for requests alone": (lambda d: jwk(d).update(use=["request"]), "须有一把 use 含 assertion 的 EC 公钥"),
    "key that begins after its end": (
        lambda d: jwk(d).update(not_before="2027-01-01T00:00:00Z", not_after="2026-01-01T00:00:00Z"),
        "须早于其终止时间",
    ),
    "Ed25519 of another curve": (lambda d: keys(d).append({**ED25519, "crv": "Ed448"}), "须为 Ed25519"),
    "certificate twice": (lambda d: system(d).update(certificates=[EC_PRINT, EC_PRINT]), "中有重复"),
    "no networks": (lambda d: system(d).update(networks={}), "networks 须至少写一类网络"),
    "networks a list": (lambda d: system(d).update(networks=["10.0.0.0/8"]), "networks 须为表"),
    "network class in Chinese": (lambda d: system(d).update(networks={"政务": ["10.0.0.0/8"]}), "网络类名"),
    "network with host bits": (lambda d: system(d).update(networks={"gov": ["10.0.0.1/8"]}), "须列出网段"),
    "network class empty": (lambda d: system(d).update(networks={"gov": []}), "gov 须为非空的文本列表"),
    "no keys": (lambda d: system(d).update(jwks=[]), "jwks 须为非空列表"),
    "key of another type": (lambda d: jwk(d).update(kty="oct"), "kty 须为其中之一：EC"),
    "key on another curve": (lambda d: jwk(d).update(crv="P-384"), "crv 须为 P-256"),
    "key too short": (lambda d: jwk(d).update(x="AAAA"), "crv 须为 P-256"),
    "key id with a space": (lambda d: jwk(d).update(kid="a b"), "kid 须符合"),
    "RSA too small": (lambda d: jwk(d, 1).update(n=b64(b"\xff" * 128)), "2048 至 4096 位"),
    "RSA small behind zeros": (lambda d: jwk(d, 1).update(n=b64(bytes(200) + b"\xff" * 56)), "2048 至 4096 位"),
    "RSA even": (lambda d: jwk(d, 1).update(n=b64(b"\xff" * 255 + b"\xfe")), "2048 至 4096 位"),
    "RSA with another exponent": (lambda d: jwk(d, 1).update(e="Aw"), "2048 至 4096 位"),
    "operator of another kind": (lambda d: operator(d).update(kind="robot"), "kind 须为其中之一"),
    "job without owner": (lambda d: operator(d, 1).pop("owner"), "定时任务须写明，人员不写"),
    "person with owner": (lambda d: operator(d).update(owner="nightly"), "定时任务须写明，人员不写"),
    "owner unknown": (lambda d: operator(d, 1).update(owner="nobody"), "须为此文件中的人员"),
    "owner a job": (lambda d: operator(d, 1).update(owner="nightly"), "须为此文件中的人员"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_nearly_right_file_is_refused_with_its_place(case: str) -> None:
    data, (breaks, says) = partner_data(), BROKEN[case]
    breaks(data)

    with pytest.raises(PartnerFileError) as refused:
        parse_partner(data, "hr.toml")
    assert says in str(refused.value)
    assert str(refused.value).startswith("hr.toml")
    assert OPERATOR_NAME not in str(refused.value)


def another_department(**changes: object) -> Data:
    own: Data = {
        "client_id": "tax-01",
        "alg": "ES256",
        "certificates": [OTHER_PRINT],
        "networks": {"gov": ["10.30.0.0/16"]},
        "jwks": [public_jwk(jose_key(ec_key("tax")))],
    }
    return partner_data(code="tax", department="tax", systems=[own | changes])


SHARED: Mapping[str, tuple[Data, str]] = {
    "client id": (another_department(client_id="hr-payroll"), "client_id"),
    "certificate": (another_department(certificates=[OTHER_PRINT, RSA_PRINT]), "证书"),
    "key": (another_department(jwks=[public_jwk(jose_key(ec_key("client")))]), "公钥"),
    "key under another id": (
        another_department(jwks=[public_jwk(jose_key(ec_key("client"))) | {"kid": "own"}]),
        "公钥",
    ),
    "code": (partner_data(), "合作部门编码 hr"),
}


@pytest.mark.parametrize("what", SHARED)
def test_nothing_that_proves_is_shared_between_departments(what: str) -> None:
    data, says = SHARED[what]

    with pytest.raises(PartnerFileError, match=says):
        a_registry(partner_data(), data)


def test_the_registry_finds_a_system_by_id_and_by_certificate() -> None:
    registry = a_registry(partner_data(), another_department())

    found = registry.client("tax-01")
    assert found is not None
    assert found is registry.holder(OTHER_PRINT, AT)
    assert (registry.client("nobody"), registry.holder("", AT)) == (None, None)


def test_a_point_off_its_curve_is_no_key() -> None:
    data = partner_data()
    jwk(data)["y"] = b64(b"\x01" * 32)

    with pytest.raises(PartnerFileError, match="不是可用的 EC 公钥"):
        a_registry(data)


def test_an_empty_registry_knows_nobody() -> None:
    assert Registry([]).client("hr-payroll") is None
    assert Registry([]).holder(EC_PRINT, AT) is None


TEXT = """
code = "hr"
zh = "盟人社局"
en = "League HR Bureau"
department = "hr"

[[systems]]
client_id = "hr-payroll"
alg = "ES256"
certificates = ["%s"]
networks = { gov_extranet = ["10.20.0.0/16"] }
[[systems.jwks]]
kid = "2026-a"
kty = "EC"
crv = "P-256"
x = "%s"
y = "%s"

[[operators]]
id = "wang-01"
name = "王某"
kind = "person"
"""


def a_file() -> str:
    """A partner file as an officer would write it."""
    key = public_jwk(jose_key(ec_key("client")))
    return TEXT % (EC_PRINT, key["x"], key["y"])


@given(st.recursive(st.text(max_size=8) | st.integers() | st.booleans(), lambda deeper: st.lists(deeper, max_size=2)))
def test_no_value_in_any_place_breaks_the_reading(value: object) -> None:
    for place in ("code", "zh", "department", "systems", "operators"):
        with suppress(PartnerFileError):
            parse_partner(partner_data(**{place: value}), "hr.toml")
    for place in ("client_id", "alg", "certificates", "networks", "jwks"):
        data = partner_data()
        system(data)[place] = value
        with suppress(PartnerFileError):
            parse_partner(data, "hr.toml")
