"""Who asks: a partner department, its systems and its enrolled operators, and the caller of one request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import TypeAlias

Network: TypeAlias = IPv4Network | IPv6Network


class OperatorKind(StrEnum):
    """What acts behind a request: a named person, or a scheduled job that a person owns."""

    PERSON = "person"
    JOB = "job"


@dataclass(frozen=True, slots=True)
class Operator:
    """One enrolled person or job of a partner. A job's `owner` is the id of a person of the same partner."""

    id: str
    name: str = field(repr=False)
    kind: OperatorKind
    owner: str | None


class Binding(StrEnum):
    """What a system's tokens are bound to: stolen without it, they are worth nothing."""

    MTLS = "mtls"
    """The TLS client certificate (RFC 8705)."""
    DPOP = "dpop"
    """A key that signs a proof for each request (RFC 9449), for networks that end TLS on the way."""


class KeyUse(StrEnum):
    """What a registered key signs. A key for one is none for the other."""

    ASSERTION = "assertion"
    """Who asks for a token (`private_key_jwt`)."""
    REQUEST = "request"
    """Whole requests (RFC 9421), so that a partner cannot deny having asked."""


LAST = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Validity:
    """From when to when a key or certificate proves anything. Two of a system may overlap: that is how one rotates."""

    not_before: datetime | None = None
    not_after: datetime | None = None
    revoked_at: datetime | None = None

    def covers(self, at: datetime) -> bool:
        """Whether it is good at this moment; the end itself is too late."""
        return (self.not_before is None or self.not_before <= at) and at < self.until

    @property
    def until(self) -> datetime:
        """When it ends, or ended."""
        return min(self.not_after or LAST, self.revoked_at or LAST)


ALWAYS = Validity()


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A public JWK as registered: `members` are exactly the ones of its key type."""

    kid: str
    kty: str
    members: Mapping[str, str] = field(repr=False)
    uses: frozenset[KeyUse] = frozenset({KeyUse.ASSERTION})
    validity: Validity = ALWAYS


@dataclass(frozen=True, slots=True)
class System:
    """A registered machine of a partner, and all it may prove itself with."""

    client_id: str
    alg: str
    jwks: tuple[PublicKey, ...]
    certificates: Mapping[str, Validity]
    """By `x5t#S256`; none where its tokens are bound by DPoP alone."""
    networks: Mapping[str, tuple[Network, ...]]
    bindings: frozenset[Binding] = frozenset({Binding.MTLS})
    signed_requests: bool = False
    """Whether each of its comparisons must be a signed request; a grant may ask for it, too."""

    def network_of(self, address: str) -> str | None:
        """The class of the registered network the address lies in, or None: it may not call from there."""
        try:
            ip = ip_address(address)
        except ValueError:
            return None
        if isinstance(ip, IPv6Address) and ip.ipv4_mapped is not None:
            ip = ip.ipv4_mapped
        return next((name for name, ranges in self.networks.items() if any(ip in r for r in ranges)), None)


@dataclass(frozen=True, slots=True)
class Partner:
    """A department that may ask, with everything it has enrolled."""

    code: str
    zh: str
    en: str
    department: str
    systems: tuple[System, ...]
    operators: Mapping[str, Operator]


@dataclass(frozen=True, slots=True)
class Caller:
    """The proven sender of one request. Only a token door makes one; whoever holds it need not ask again who it is.

    Of a signed request (RFC 9421) it carries the signature, as the ledger keeps it, and what the body must hash to.
    """

    partner: str
    client_id: str
    department: str
    operators: Mapping[str, Operator] = field(repr=False)
    address: str
    network: str
    signature: bytes | None = field(default=None, repr=False)
    body_sha256: bytes | None = field(default=None, repr=False)

    def operator(self, operator_id: str) -> Operator | None:
        """The enrolled operator of this partner with that id, or None: nobody else may act for it."""
        return self.operators.get(operator_id)
