"""Certificates of our own making, for a demo and for a first installation: an authority, servers, clients.

In production a department's own authority issues them; nothing here is needed then.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, derive_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from adapters.keys.files import Entropy

P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
AUTHORITY_DAYS, LEAF_DAYS = 3650, 397
# Clocks differ; a certificate that starts this second is not valid yet for half of its readers.
BACKDATED = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Authority:
    """A certificate authority of ours."""

    key: EllipticCurvePrivateKey = field(repr=False)
    certificate: x509.Certificate

    def server(
        self, key: EllipticCurvePrivateKey, names: Sequence[str], at: datetime, entropy: Entropy
    ) -> x509.Certificate:
        """A server certificate for host names and addresses."""
        builder = _builder(key, names[0], at, LEAF_DAYS, entropy)
        builder = builder.add_extension(
            x509.SubjectAlternativeName([_general_name(name) for name in names]), critical=False
        )
        return self._issue(builder, ExtendedKeyUsageOID.SERVER_AUTH)

    def client(self, key: EllipticCurvePrivateKey, client_id: str, at: datetime, entropy: Entropy) -> x509.Certificate:
        """A client certificate for a partner's system. What counts later is its thumbprint, not its name."""
        return self._issue(_builder(key, client_id, at, LEAF_DAYS, entropy), ExtendedKeyUsageOID.CLIENT_AUTH)

    def _issue(self, builder: x509.CertificateBuilder, usage: x509.ObjectIdentifier) -> x509.Certificate:
        return (
            builder.issuer_name(self.certificate.subject)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
            .add_extension(_key_usage(signs_certificates=False), critical=True)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False)
            .sign(self.key, SHA256())
        )


def make_authority(name: str, at: datetime, entropy: Entropy) -> Authority:
    """A new authority that may sign leaf certificates only."""
    key = make_p256(entropy)
    builder = _builder(key, name, at, AUTHORITY_DAYS, entropy)
    certificate = (
        builder.issuer_name(_name(name))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(signs_certificates=True), critical=True)
        .sign(key, SHA256())
    )
    return Authority(key, certificate)


def make_p256(entropy: Entropy) -> EllipticCurvePrivateKey:
    """A P-256 key from outside randomness; 16 bytes more than the order, so that no value is likelier than another."""
    return derive_private_key(int.from_bytes(entropy(48), "big") % (P256_ORDER - 1) + 1, SECP256R1())


def pem(certificate: x509.Certificate) -> bytes:
    """The certificate as servers and clients read it."""
    return certificate.public_bytes(Encoding.PEM)


def _builder(
    key: EllipticCurvePrivateKey, name: str, at: datetime, days: int, entropy: Entropy
) -> x509.CertificateBuilder:
    public = key.public_key()
    return (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .public_key(public)
        .serial_number(int.from_bytes(entropy(16), "big") | 1)
        .not_valid_before(at - BACKDATED)
        .not_valid_after(at + timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
