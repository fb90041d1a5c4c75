"""Everything that says who is calling, put together: doors, keys, proofs, and what all nodes know of them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from adapters.identity.bearer import BearerIdentity
from adapters.identity.certificate import Edge, TrustedProxy
from adapters.identity.clients import ClientDesk
from adapters.identity.dpop import Nonces, Proofs, https_only
from adapters.identity.endpoint import TokenEndpoint
from adapters.identity.jose import jose_key
from adapters.identity.registry import Registry
from adapters.identity.replay import MemoryReplayStore, NearAndFar
from adapters.identity.revocation import TokenKeeper
from adapters.identity.signatures import Signatures
from adapters.identity.tokens import TokenDoor, TokenMint
from adapters.keys.files import Passphrase, read_p256, read_secret
from adapters.sql.replays import SqlReplayStore, SqlRevocations
from gateway.ports import Clock
from ops.settings import Home, ServeSettings, SettingsError

PROOFS, PROOFS_PER_CLIENT = 200_000, 100_000
"""Ids of proofs and signed requests that a node remembers at a time; each for a minute."""


@dataclass(frozen=True, kw_only=True)
class Identity:
    """Everything that says who is calling."""

    edge: Edge
    door: TokenDoor
    identify: BearerIdentity
    endpoint: TokenEndpoint
    jwk: Mapping[str, str]
    keeper: TokenKeeper
    clock: Clock
    replays: SqlReplayStore
    revoked: SqlRevocations

    def refresh(self) -> None:
        """Learns what was revoked at other nodes. Raises `GatewayError`."""
        self.keeper.refresh()

    def forget(self) -> None:
        """Forgets what was used up and could not be shown again anyway. Raises `GatewayError`."""
        self.replays.sweep(int(self.clock.now().timestamp()) - 1)

    def swap(self, registry: Registry) -> None:
        """From now on this registry says who is who, at every door."""
        self.door.swap(registry)
        self.endpoint.swap(registry)

    def close(self) -> None:
        """Gives back its connections."""
        self.replays.close()
        self.revoked.close()


def build_identity(home: Home, settings: ServeSettings, registry: Registry, passphrase: Passphrase | None) -> Identity:
    """Reads keys and secrets from the home. Raises what reading them raises, and `SettingsError`."""
    key = read_p256(home.keys / "serve" / "token.pem", passphrase)
    mint = TokenMint(key=key, issuer=settings.issuer, audience=settings.issuer)
    jwk, edge = mint.public_jwk(), Edge(_proxy(home, settings, passphrase))
    door = TokenDoor(
        issuer=settings.issuer, audience=settings.issuer, keys={jwk["kid"]: jose_key(key)}, registry=registry
    )
    addresses = _addresses(settings)
    proofs, database = Proofs(addresses, _nonces(home, settings, passphrase)), home.database_url(settings)
    shared, revoked = SqlReplayStore(database), SqlRevocations(database)
    near = MemoryReplayStore(clock=home.clock, capacity=PROOFS, per_client=PROOFS_PER_CLIENT)
    # A store of their own, so that no flood of proofs keeps anybody from a token.
    clients = ClientDesk(
        issuer=settings.issuer, registry=registry, replays=NearAndFar(MemoryReplayStore(clock=home.clock), shared)
    )
    return Identity(
        edge=edge,
        door=door,
        identify=BearerIdentity(
            door=door,
            edge=edge,
            clock=home.clock,
            proofs=proofs,
            signatures=Signatures(addresses),
            replays=NearAndFar(near, shared),
        ),
        endpoint=TokenEndpoint(
            clients=clients, mint=mint, issuer=settings.issuer, clock=home.clock, entropy=os.urandom, proofs=proofs
        ),
        jwk=jwk,
        keeper=TokenKeeper(clients=clients, door=door, revoked=revoked, clock=home.clock),
        clock=home.clock,
        replays=shared,
        revoked=revoked,
    )


def _addresses(settings: ServeSettings) -> list[str]:
    try:
        return https_only((settings.issuer, *settings.addresses))
    except ValueError:
        raise SettingsError("issuer and addresses in serve.toml must be https addresses") from None


def _nonces(home: Home, settings: ServeSettings, passphrase: Passphrase | None) -> Nonces | None:
    """From a secret that all nodes hold, so that each knows the nonces of the others."""
    secret = home.keys / "serve" / "idempotency.secret"
    return Nonces(read_secret(secret, passphrase)) if settings.dpop_nonces else None


def _proxy(home: Home, settings: ServeSettings, passphrase: Passphrase | None) -> TrustedProxy | None:
    if not settings.trusted_proxies:
        return None
    secret = read_secret(home.keys / "serve" / "proxy.secret", passphrase)
    try:
        return TrustedProxy(frozenset(settings.trusted_proxies), secret)
    except ValueError:
        raise SettingsError("trusted_proxies in serve.toml must list addresses or networks such as 10.0.0.5") from None
