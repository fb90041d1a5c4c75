"""Hashes of the two suites: SHA-256 (intl) and SM3 (gm, GB/T 32905)."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable, Mapping

_M32 = 0xFFFFFFFF


def _rol(word: int, by: int) -> int:
    by %= 32
    return ((word << by) | (word >> (32 - by))) & _M32


def _p0(x: int) -> int:
    return x ^ _rol(x, 9) ^ _rol(x, 17)


def _p1(x: int) -> int:
    return x ^ _rol(x, 15) ^ _rol(x, 23)


_SM3_T = [_rol(0x79CC4519 if j < 16 else 0x7A879D8A, j) for j in range(64)]
_SM3_START = (0x7380166F, 0x4914B2B9, 0x172442D7, 0xDA8A0600, 0xA96F30BC, 0x163138AA, 0xE38DEE4D, 0xB0FB0E4E)


def _sm3_block(state: tuple[int, ...], block: bytes) -> tuple[int, ...]:
    w = list(struct.unpack(">16I", block))
    for j in range(16, 68):
        w.append(_p1(w[j - 16] ^ w[j - 9] ^ _rol(w[j - 3], 15)) ^ _rol(w[j - 13], 7) ^ w[j - 6])
    a, b, c, d, e, f, g, h = state
    for j in range(64):
        a12 = _rol(a, 12)
        ss1 = _rol((a12 + e + _SM3_T[j]) & _M32, 7)
        ff = a ^ b ^ c if j < 16 else (a & b) | (a & c) | (b & c)
        gg = e ^ f ^ g if j < 16 else (e & f) | (~e & g & _M32)
        tt1 = (ff + d + (ss1 ^ a12) + (w[j] ^ w[j + 4])) & _M32
        tt2 = (gg + h + ss1 + w[j]) & _M32
        a, b, c, d = tt1, a, _rol(b, 9), c
        e, f, g, h = _p0(tt2), e, _rol(f, 19), g
    return tuple(x ^ y for x, y in zip(state, (a, b, c, d, e, f, g, h), strict=True))


def sm3(content: bytes) -> bytes:
    """Hash with SM3."""
    padded = content + b"\x80" + bytes(-(len(content) + 9) % 64) + (8 * len(content)).to_bytes(8, "big")
    state: tuple[int, ...] = _SM3_START
    for at in range(0, len(padded), 64):
        state = _sm3_block(state, padded[at : at + 64])
    return struct.pack(">8I", *state)


def sha256(content: bytes) -> bytes:
    """Hash with SHA-256."""
    return hashlib.sha256(content).digest()


def _fastest_sm3() -> Callable[[bytes], bytes]:
    """Take OpenSSL's where Python has it: it is a hundred times faster, and must say the same."""
    try:
        hashlib.new("sm3")
    except ValueError:
        return sm3
    return lambda content: hashlib.new("sm3", content).digest()


SUITES: Mapping[str, Callable[[bytes], bytes]] = {"intl": sha256, "gm": _fastest_sm3()}
