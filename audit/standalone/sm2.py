"""SM2 signatures (GB/T 32918.2 on the curve of 32918.5): verification alone."""

from __future__ import annotations

from typing import TypeAlias

from audit.standalone.hashes import sm3

_SM2_P = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFF
_SM2_A = _SM2_P - 3
_SM2_B = 0x28E9FA9E9D9F5E344D5A9E4BCF6509A7F39789F515AB8F92DDBCBD414D940E93
_SM2_N = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123
_SM2_G = (
    0x32C4AE2C1F1981195F9904466A39C9948FE30BBFF2660BE1715A4589334C74C7,
    0xBC3736A2F4F6779C59BDCEE36B692153D0A9877CC62A474002DF32E52139F0A0,
)
SM2_ID = b"1234567812345678"
SM2_LABEL = b"bidui-sm2/1\n"
Point: TypeAlias = "tuple[int, int] | None"


def _add(one: Point, two: Point) -> Point:
    if one is None or two is None:
        return two if one is None else one
    (x1, y1), (x2, y2) = one, two
    if x1 == x2 and (y1 + y2) % _SM2_P == 0:
        return None
    rise, run = (3 * x1 * x1 + _SM2_A, 2 * y1) if one == two else (y2 - y1, x2 - x1)
    slope = rise * pow(run, -1, _SM2_P)
    x3 = (slope * slope - x1 - x2) % _SM2_P
    return x3, (slope * (x1 - x3) - y1) % _SM2_P


def _times(number: int, point: Point) -> Point:
    found: Point = None
    while number:
        if number & 1:
            found = _add(found, point)
        point, number = _add(point, point), number >> 1
    return found


def sm2_verify(public: bytes, message: bytes, signature: bytes, signer: bytes = SM2_ID) -> bool:
    """Tell whether r and s (32 bytes each) are the signature of this uncompressed point over the message."""
    if len(public) != 65 or public[0] != 4 or len(signature) != 64:
        return False
    x, y = int.from_bytes(public[1:33], "big"), int.from_bytes(public[33:], "big")
    if not (x < _SM2_P and y < _SM2_P) or (y * y - x * x * x - _SM2_A * x - _SM2_B) % _SM2_P:
        return False
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    t = (r + s) % _SM2_N
    if not (0 < r < _SM2_N and 0 < s < _SM2_N and t):
        return False
    curve = b"".join(each.to_bytes(32, "big") for each in (_SM2_A, _SM2_B, *_SM2_G))
    z = sm3((8 * len(signer)).to_bytes(2, "big") + signer + curve + public[1:])
    point = _add(_times(s, _SM2_G), _times(t, (x, y)))
    return point is not None and (int.from_bytes(sm3(z + message), "big") + point[0]) % _SM2_N == r
