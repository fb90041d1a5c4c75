"""The one place where everything is joined: settings and keys in, a gateway out."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from starlette.requests import Request as HttpRequest

from adapters.checkpoints import FileCheckpoints
from adapters.identity.certificate import Edge, TrustedProxy
from adapters.identity.endpoint import TokenEndpoint
from adapters.identity.jose import jose_key
from adapters.identity.registry import Registry, load_registry
from adapters.identity.replay import MemoryReplayStore
from adapters.identity.tokens import TokenDoor, TokenMint
from adapters.index.sqlite import SqliteIndex
from adapters.keys.disclosures import DisclosureKeyFiles
from adapters.keys.files import Passphrase, read_ed25519, read_ed25519_public, read_mldsa44, read_p256, read_secret
from adapters.metrics import Metrics
from adapters.sealing.client import SealClient
from adapters.sql.engine import open_engine
from adapters.sql.ledger_reader import SqlLedgerReader
from adapters.sql.store import SqlStore
from audit.checkpoint import MlDsa44Signer
from audit.ledger import Ledger
from audit.note import Ed25519Signer
from audit.signer import CheckpointSigner
from audit.trust import Trust, TrustedKey
from gateway.domain.budget import Used
from gateway.domain.caller import Caller
from gateway.domain.comparison import Comparison
from gateway.domain.grant import Grant, local_day
from gateway.idempotency import Idempotency
from gateway.pipeline import Pipeline
from gateway.ports import Index
from gateway.record import Recorder
from gateway.seal import Layout
from gateway.signed_grant import SignedGrant
from ops.rights import RightsDesk
from ops.settings import Home, Mode, SealSettings, ServeSettings, load
from policies.catalogue import Catalogue, load_catalogue

LOAD_KEY = "load"
log = structlog.get_logger()


@dataclass(kw_only=True)
class Gateway:
    """A gateway, put together and not yet listening."""

    home: Home
    settings: ServeSettings
    catalogue: Catalogue
    pipeline: Pipeline
    store: SqlStore
    seal: SealClient
    edge: Edge
    door: TokenDoor
    endpoint: TokenEndpoint
    mint: TokenMint
    reader: SqlLedgerReader
    checkpoints: FileCheckpoints
    signer: CheckpointSigner
    trust: Trust
    metrics: Metrics
    sync_key: Ed25519PublicKey

    def identify(self, request: HttpRequest) -> Caller | None:
        """The proven caller of a request."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            return None
        scope = request.scope
        at = self.home.clock.now()
        return self.door.caller(token, self.edge.thumbprint(scope), self.edge.address(scope), at)

    def held(self, caller: Caller) -> Mapping[str, tuple[Grant, Used]]:
        """A caller's grants in force, and what each has used."""
        at = self.home.clock.now()
        grants = {n: g for n, g in self.pipeline.grants().items() if g.partner == caller.partner and g.covers(at)}
        with self.store.begin() as work:
            used = work.budgets.lock(sorted(grants), local_day(at).toordinal()) if grants else {}
        return {number: (grant, used[number]) for number, grant in grants.items()}

    def close(self) -> None:
        """Gives back what it holds open."""
        self.store.close()
        self.seal.close()


def trusted_load_keys(home: Home) -> Mapping[str, Ed25519PublicKey]:
    """Keys whose signature alone makes a grant. Outside production there is one; in production there is none."""
    if home.mode is Mode.PRODUCTION:
        return {}
    return {LOAD_KEY: read_ed25519_public(home.keys / "load.pub")}


def open_index(home: Home, settings: ServeSettings, key: Ed25519PublicKey, previous: Index | None = None) -> Index:
    """The current generation in the point store that the settings name."""
    return SqliteIndex.open(home.index, key, previous if isinstance(previous, SqliteIndex) else None)


def wire(home: Home, passphrase: Passphrase | None = None) -> Gateway:
    """Reads settings and keys and joins the parts. Raises what the parts raise; nothing listens yet."""
    settings = load(home, "serve.toml", ServeSettings)
    catalogue = load_catalogue()
    keys = home.keys / "serve"
    url = home.database_url(settings)
    metrics = Metrics()
    registry = load_registry(home.folder("partners"))
    token_key = read_p256(keys / "token.pem", passphrase)
    mint = TokenMint(key=token_key, issuer=settings.issuer, audience=settings.issuer)
    jwk = mint.public_jwk()
    door = TokenDoor(
        issuer=settings.issuer, audience=settings.issuer, keys={jwk["kid"]: jose_key(token_key)}, registry=registry
    )
    endpoint = TokenEndpoint(
        issuer=settings.issuer,
        registry=registry,
        mint=mint,
        replays=MemoryReplayStore(clock=home.clock),
        clock=home.clock,
        entropy=os.urandom,
    )
    seal = SealClient(home.seal_socket(load(home, "seal.toml", SealSettings)), {})

    def changed(registry: Registry, signed: Mapping[str, SignedGrant]) -> None:
        door.swap(registry)
        endpoint.swap(registry)
        seal.know(signed)

    rights = RightsDesk(
        folder=home.path, database=url, catalogue=catalogue, trusted=trusted_load_keys(home), changed=changed
    )
    sync_key = read_ed25519_public(home.keys / "sync.pub")
    receipts = Ed25519Signer(settings.origin, read_ed25519(keys / "receipts.pem", passphrase))
    store = SqlStore(url)
    disclosures = DisclosureKeyFiles(keys / "disclosure", passphrase, os.urandom)
    signers = [
        Ed25519Signer(settings.origin, read_ed25519(keys / "checkpoints.pem", passphrase)),
        MlDsa44Signer(settings.origin, read_mldsa44(keys / "checkpoints-mldsa44.pem", passphrase)),
    ]
    reader = SqlLedgerReader(open_engine(url))
    checkpoints = FileCheckpoints(home.checkpoints)

    def broke(requests: int, error: str) -> None:
        metrics.turn_broke()
        log.error("turn_broke", requests=requests, error=error)

    pipeline = Pipeline(
        clock=home.clock,
        store=store,
        rights=rights,
        seal=seal,
        index=open_index(home, settings, sync_key),
        comparisons={kind: Comparison(Layout(catalogue, kind), os.urandom) for kind in catalogue.kinds},
        recorder=Recorder(
            origin=settings.origin,
            ledger=Ledger(node=settings.node, keys=disclosures, entropy=os.urandom),
            signer=receipts,
            entropy=os.urandom,
        ),
        idempotency=Idempotency(read_secret(keys / "idempotency.secret", passphrase), os.urandom),
        broke=broke,
    )
    return Gateway(
        home=home,
        settings=settings,
        catalogue=catalogue,
        pipeline=pipeline,
        store=store,
        seal=seal,
        edge=Edge(_proxy(settings, keys, passphrase)),
        door=door,
        endpoint=endpoint,
        mint=mint,
        reader=reader,
        checkpoints=checkpoints,
        signer=CheckpointSigner(
            origin=settings.origin, reader=reader, store=checkpoints, signers=signers, now=home.clock.now
        ),
        trust=Trust(
            settings.origin,
            (*(TrustedKey(each.vkey, "checkpoint") for each in signers), TrustedKey(receipts.vkey, "receipt")),
        ),
        metrics=metrics,
        sync_key=sync_key,
    )


def _proxy(settings: ServeSettings, keys: Path, passphrase: Passphrase | None) -> TrustedProxy | None:
    if not settings.trusted_proxies:
        return None
    return TrustedProxy(frozenset(settings.trusted_proxies), read_secret(keys / "proxy.secret", passphrase))
