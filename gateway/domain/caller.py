"""Who asks: a partner department, its systems and its enrolled operators, and the caller of one request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
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


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A public JWK as registered: `members` are exactly the ones of its key type."""

    kid: str
    kty: str
    members: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class System:
    """A registered machine of a partner, and all it may prove itself with."""

    client_id: str
    alg: str
    jwks: tuple[PublicKey, ...]
    certificates: frozenset[str]
    networks: Mapping[str, tuple[Network, ...]]

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
    """The proven sender of one request. Only a token door makes one; whoever holds it need not ask again who it is."""

    partner: str
    client_id: str
    department: str
    operators: Mapping[str, Operator] = field(repr=False)
    address: str
    network: str

    def operator(self, operator_id: str) -> Operator | None:
        """The enrolled operator of this partner with that id, or None: nobody else may act for it."""
        return self.operators.get(operator_id)
