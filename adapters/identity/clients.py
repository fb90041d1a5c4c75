"""Who speaks at the token, revocation and introspection endpoints: a registered system with its assertion.

Systems with a client certificate are known by it before anything they say is read. Systems registered for DPoP alone
have none, so theirs is the client the assertion names; a name that is nobody's costs the same time as one that is.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from adapters.identity.assertion import check_assertion, read_assertion
from adapters.identity.jose import Cause, Compact, RejectedError
from adapters.identity.registry import Registered, Registry
from adapters.identity.replay import ReplayStore
from gateway.domain.caller import Binding

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class ClientDesk:
    """Proves clients, by the registry of the moment."""

    def __init__(self, *, issuer: str, registry: Registry, replays: ReplayStore) -> None:
        self._issuer, self._registry, self.replays = issuer, registry, replays

    def swap(self, registry: Registry) -> None:
        """From now on this registry says who is a client."""
        self._registry = registry

    def prove(
        self, fields: Mapping[str, str], thumbprint: str | None, address: str, at: datetime, *, has_key: bool
    ) -> Registered:
        """The sender of a form. `has_key`: it holds a DPoP key, or needs no binding. Raises `RejectedError`."""
        holder = self._registry.holder(thumbprint, at) if thumbprint else None
        if holder is None and not has_key:
            raise RejectedError(Cause.CERTIFICATE)
        if holder is not None:
            _check_network(holder, address)
            _check_name(holder, fields)
        compact = _assertion_of(fields)
        sender = holder or self._claimed(compact)
        proven = check_assertion(compact, sender, self._issuer, at, self.replays)
        _check_network(proven, address)
        _check_name(proven, fields)
        return proven

    def _claimed(self, compact: Compact) -> Registered | None:
        """Whom an assertion names, if they may come without a certificate."""
        named = self._registry.client(str(compact.claims.get("iss")))
        return named if named is not None and Binding.DPOP in named.system.bindings else None


def _assertion_of(fields: Mapping[str, str]) -> Compact:
    if fields.get("client_assertion_type") != ASSERTION_TYPE or "client_secret" in fields:
        raise RejectedError(Cause.UNREADABLE)
    return read_assertion(fields.get("client_assertion", ""))


def _check_network(sender: Registered, address: str) -> None:
    if sender.system.network_of(address) is None:
        raise RejectedError(Cause.NETWORK)


def _check_name(sender: Registered, fields: Mapping[str, str]) -> None:
    if fields.get("client_id", sender.system.client_id) != sender.system.client_id:
        raise RejectedError(Cause.CLIENT)
