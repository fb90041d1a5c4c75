"""A time-stamping authority for tests: its certificates, and stamps written out in DER by hand."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

AT = datetime(2026, 6, 30, 2, 0, tzinfo=UTC)
_SHA256, _ECDSA = "2.16.840.1.101.3.4.2.1", "1.2.840.10045.4.3.2"
_SIGNED, _TST = "1.2.840.113549.1.7.2", "1.2.840.113549.1.9.16.1.4"
_CONTENT_TYPE, _DIGEST, _CERTIFICATE = "1.2.840.113549.1.9.3", "1.2.840.113549.1.9.4", "1.2.840.113549.1.9.16.2.47"


def tlv(tag: int, *parts: bytes) -> bytes:
    """Tag, length, content."""
    content = b"".join(parts)
    size = len(content)
    width = (size.bit_length() + 7) // 8
    length = bytes([size]) if size < 128 else bytes([0x80 | width]) + size.to_bytes(width, "big")
    return bytes([tag]) + length + content


def sequence(*parts: bytes) -> bytes:
    return tlv(0x30, *parts)


def one(tag: int, *parts: bytes) -> bytes:
    """A set."""
    return tlv(tag, *parts)


def integer(value: int) -> bytes:
    return tlv(0x02, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def oid(text: str) -> bytes:
    first, second, *rest = (int(each) for each in text.split("."))
    content = bytearray([first * 40 + second])
    for number in rest:
        groups = [number & 0x7F]
        while number := number >> 7:
            groups.append(number & 0x7F | 0x80)
        content += bytes(reversed(groups))
    return tlv(0x06, bytes(content))


@dataclass
class Tsa:
    """Stamps what it is given."""

    key: EllipticCurvePrivateKey
    own: x509.Certificate
    root: x509.Certificate

    def write(self, path: Path) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(self.own.public_bytes(Encoding.PEM) + self.root.public_bytes(Encoding.PEM))
        return path

    def stamp(self, imprint: bytes, nonce: int | None, at: datetime = AT) -> bytes:
        """A whole response over a SHA-256."""
        info = sequence(
            integer(1),
            oid("1.2.3.4"),
            sequence(sequence(oid(_SHA256), b"\x05\x00"), tlv(0x04, imprint)),
            integer(7),
            tlv(0x18, f"{at:%Y%m%d%H%M%S}Z".encode()),
            integer(nonce) if nonce is not None else b"",
        )
        der = self.own.public_bytes(Encoding.DER)
        attributes = sorted(
            sequence(oid(name), one(0x31, value))
            for name, value in (
                (_CONTENT_TYPE, oid(_TST)),
                (_DIGEST, tlv(0x04, sha256(info).digest())),
                (_CERTIFICATE, sequence(sequence(sequence(tlv(0x04, sha256(der).digest()))))),
            )
        )
        signer = sequence(
            integer(1),
            sequence(self.own.issuer.public_bytes(), integer(self.own.serial_number)),
            sequence(oid(_SHA256)),
            tlv(0xA0, *attributes),
            sequence(oid(_ECDSA)),
            tlv(0x04, self.key.sign(one(0x31, *attributes), ECDSA(SHA256()))),
        )
        signed = sequence(
            integer(3),
            one(0x31, sequence(oid(_SHA256))),
            sequence(oid(_TST), tlv(0xA0, tlv(0x04, info))),
            tlv(0xA0, der),
            one(0x31, signer),
        )
        return sequence(sequence(integer(0)), sequence(oid(_SIGNED), tlv(0xA0, signed)))


def read_question(body: bytes) -> tuple[bytes, int]:
    """The SHA-256 and the nonce out of a request's bytes."""
    found = re.search(rb"\x04\x20(.{32})\x02(.)", body, re.DOTALL)
    assert found
    return found[1], int.from_bytes(body[found.end() : found.end() + found[2][0]], "big")


def a_tsa(name: str = "Test TSA") -> Tsa:
    """A root and what it issued."""
    root_key, key = generate_private_key(SECP256R1()), generate_private_key(SECP256R1())
    root_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"{name} root")])
    own_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    root = _builder(root_name, root_name, root_key).add_extension(x509.BasicConstraints(True, None), True)
    own = (
        _builder(own_name, root_name, key)
        .add_extension(x509.BasicConstraints(False, None), True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), True)
    )
    return Tsa(key, own.sign(root_key, SHA256()), root.sign(root_key, SHA256()))


def _builder(subject: x509.Name, issuer: x509.Name, key: EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(AT - timedelta(days=30))
        .not_valid_after(AT + timedelta(days=3650))
    )
