"""Published vectors of SM3 and SM2, and of RFC 6962."""

import hashlib
from typing import NoReturn

import pytest

from audit.standalone import hashes
from audit.standalone.hashes import SUITES, sm3
from audit.standalone.sm2 import _SM2_G, _SM2_N, sm2_verify
from audit.standalone.trees import Hashing

SM3 = {
    "GB/T 32905, A.1": (b"abc", "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"),
    "GB/T 32905, A.2": (b"abcd" * 16, "debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732"),
    "nothing": (b"", "1ab21d8355cfa17f8e61194831e81a8f22bec8c728fefb747ed035eb5082aa2b"),
}
# GB/T 32918.5, appendix A.2: a signature on the recommended curve.
PUBLIC = bytes.fromhex(
    "0409f9df311e5421a150dd7d161e4bc5c672179fad1833fc076bb08ff356f35020"
    "ccea490ce26775a52dc6ea718cc1aa600aed05fbf35e084a6632f6072da9ad13"
)
SIGNATURE = bytes.fromhex(
    "f5a03b0648d2c4630eeac513e1bb81a15944da3827d5b74143ac7eaceee720b3"
    "b1b6aa29df212fd8763182bc0d421ca1bb9038fd1f7f42d4840b69c485bbc1aa"
)


@pytest.mark.parametrize("case", SM3)
def test_sm3_gives_the_published_values(case: str) -> None:
    message, digest = SM3[case]

    assert sm3(message).hex() == digest


def test_the_published_sm2_signature_holds() -> None:
    assert sm2_verify(PUBLIC, b"message digest", SIGNATURE)


def _flipped(content: bytes, at: int) -> bytes:
    return content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]


BAD_SM2 = {
    "another message": (PUBLIC, b"message digesu", SIGNATURE),
    "another r": (PUBLIC, b"message digest", _flipped(SIGNATURE, 0)),
    "another s": (PUBLIC, b"message digest", _flipped(SIGNATURE, 63)),
    "no r": (PUBLIC, b"message digest", bytes(32) + SIGNATURE[32:]),
    "too short": (PUBLIC, b"message digest", SIGNATURE[:-1]),
    "not on the curve": (_flipped(PUBLIC, 64), b"message digest", SIGNATURE),
    "another form of point": (b"\x02" + PUBLIC[1:33], b"message digest", SIGNATURE),
}


@pytest.mark.parametrize("case", BAD_SM2)
def test_no_other_sm2_signature_holds(case: str) -> None:
    assert not sm2_verify(*BAD_SM2[case])


# RFC 6962: inputs and roots of the reference implementation of Certificate Transparency.
LEAVES = [bytes.fromhex(text) for text in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657")]
LEAVES.append(bytes.fromhex("606162636465666768696a6b6c6d6e6f"))
ROOTS = {
    1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    2: "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    3: "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    5: "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
}


@pytest.mark.parametrize(("size", "root"), ROOTS.items())
def test_trees_have_the_published_roots(size: int, root: str) -> None:
    hashing, frontier = Hashing("intl"), list[bytes]()
    for at, leaf in enumerate(LEAVES[:size]):
        hashing.grow(frontier, at, hashing.leaf(leaf))

    assert hashing.root(frontier).hex() == root


def test_whatever_hashes_for_gm_says_what_plain_python_says() -> None:
    for size in (0, 1, 55, 56, 63, 64, 65, 200):
        assert SUITES["gm"](bytes(size)) == sm3(bytes(size))


def test_where_openssl_has_no_sm3_plain_python_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(name: str) -> NoReturn:
        raise ValueError(f"unsupported hash type {name}")

    monkeypatch.setattr(hashlib, "new", refuse)

    assert hashes._fastest_sm3() is sm3


def test_a_signature_whose_points_cancel_out_is_none() -> None:
    """With the base point itself for a key, r = 2 and s = n - 1 lead to no point at all."""
    public = b"\4" + b"".join(each.to_bytes(32, "big") for each in _SM2_G)

    assert not sm2_verify(public, b"whatever", (2).to_bytes(32, "big") + (_SM2_N - 1).to_bytes(32, "big"))
