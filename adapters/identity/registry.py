"""The partners this gateway knows, put together from deeds into a value that never changes.

A newer registry replaces the older one as a whole, so no request sees half of a change.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType

from adapters.identity.jose import Key, import_public
from gateway.domain.caller import KeyUse, Partner, PublicKey, System
from gateway.domain.partner_file import PartnerFileError


@dataclass(frozen=True, slots=True)
class Registered:
    """A system together with its partner, its keys ready to verify with."""

    partner: Partner
    system: System
    keys: Mapping[str, tuple[PublicKey, Key]] = field(repr=False)

    def key(self, kid: str, use: KeyUse, at: datetime) -> Key | None:
        """Its key of that id, if it is for this use and good at this moment."""
        enrolled, key = self.keys.get(kid, (None, None))
        return key if enrolled is not None and use in enrolled.uses and enrolled.validity.covers(at) else None


class Registry:
    """All registered systems by client id. No key, certificate or client id is in it twice."""

    def __init__(self, partners: Iterable[Partner]) -> None:
        self.partners: Mapping[str, Partner] = MappingProxyType(_unique_by_code(partners))
        systems = [(partner, system) for partner in self.partners.values() for system in partner.systems]
        _refuse_shared(systems)
        self._clients = {system.client_id: _register(partner, system) for partner, system in systems}
        self._holders = {mark: each for each in self._clients.values() for mark in each.system.certificates}

    def client(self, client_id: str) -> Registered | None:
        """The registered system of that id, or None."""
        return self._clients.get(client_id)

    def holder(self, thumbprint: str, at: datetime) -> Registered | None:
        """The one registered system whose client certificate has that thumbprint and is good now, or None."""
        found = self._holders.get(thumbprint)
        return found if found is not None and found.system.certificates[thumbprint].covers(at) else None


def _unique_by_code(partners: Iterable[Partner]) -> dict[str, Partner]:
    found: dict[str, Partner] = {}
    for partner in partners:
        if partner.code in found:
            raise PartnerFileError(f"合作部门编码 {partner.code} 重复出现，请改用另一编码")
        found[partner.code] = partner
    return found


def _refuse_shared(systems: list[tuple[Partner, System]]) -> None:
    """Whoever shares a key or certificate could speak for the other, so each belongs to one system alone."""
    owner: dict[tuple[str, object], str] = {}
    for partner, system in systems:
        name = f"{partner.code}/{system.client_id}"
        for what, value in _marks(system):
            if (what, value) in owner:
                raise PartnerFileError(f"{name}：{what} 与 {owner[what, value]} 相同，每个系统须用各自的")
            owner[what, value] = name


def _marks(system: System) -> list[tuple[str, object]]:
    keys = [("公钥", tuple(sorted(key.members.items()))) for key in system.jwks]
    return [("client_id", system.client_id), *keys, *(("证书", each) for each in system.certificates)]


def _register(partner: Partner, system: System) -> Registered:
    return Registered(partner, system, {key.kid: (key, _import(partner, key)) for key in system.jwks})


def _import(partner: Partner, key: PublicKey) -> Key:
    try:
        return import_public(key.kty, key.members)
    except ValueError:
        raise PartnerFileError(f"合作部门 {partner.code}：公钥 {key.kid} 不是可用的 {key.kty} 公钥") from None
