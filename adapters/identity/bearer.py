"""From an HTTP request to its caller: certificate and address from the edge, the token to the token door.

A token bound to a certificate comes as `Bearer`, one bound to a key as `DPoP` with a proof (RFC 9449); either may come
in a signed request (RFC 9421). The first alone is the hot path: it is known at once and leaves nothing to be used up.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from starlette.types import Scope

from adapters.identity.certificate import Edge
from adapters.identity.dpop import NonceNeededError, Once, Proofs, read_proof
from adapters.identity.jose import Cause, RejectedError
from adapters.identity.replay import ReplayStore
from adapters.identity.signatures import Signatures, Signed
from adapters.identity.tokens import TokenDoor
from gateway.api.identify import Challenge
from gateway.domain.caller import Caller
from gateway.ports import Clock

AUTHORIZATION, DPOP, SIGNATURE_INPUT, SIGNATURE = b"authorization", b"dpop", b"signature-input", b"signature"
PROVING = frozenset({AUTHORIZATION, DPOP, SIGNATURE_INPUT, SIGNATURE})
SCHEME = b"bearer "
READING = "GET"
"""Who only reads asks nothing of anybody, so nobody has to sign it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BearerIdentity:
    """Says who sends a request, or None: alike for a missing, doubled or wrong token, certificate, proof, address."""

    door: TokenDoor
    edge: Edge
    clock: Clock
    proofs: Proofs | None = None
    signatures: Signatures | None = None
    replays: ReplayStore | None = None
    notice: Callable[[Cause], None] = lambda _: None

    def __call__(self, scope: Scope) -> Caller | Spending | Challenge | None:
        """The proven caller. Reads the raw headers once; a second `Authorization` is never ignored."""
        shown: list[tuple[bytes, bytes]] = [header for header in scope["headers"] if header[0] in PROVING]
        if len(shown) == 1 and shown[0][0] == AUTHORIZATION and shown[0][1][: len(SCHEME)].lower() == SCHEME:
            token = shown[0][1][len(SCHEME) :].decode("latin-1")
            thumbprint, address = self.edge.read(scope)
            must_sign = scope.get("method") != READING
            return self.door.caller(token, thumbprint, address, self.clock.now(), must_sign=must_sign)
        at = self.clock.now()
        try:
            return self._prove(scope, shown, at)
        except NonceNeededError:
            return Challenge(self.proofs.nonces.fresh(at)) if self.proofs and self.proofs.nonces else None
        except RejectedError as rejected:
            self.notice(rejected.cause)
            return None

    def _prove(self, scope: Scope, shown: Sequence[tuple[bytes, bytes]], at: datetime) -> Caller | Spending | None:
        """The caller of a request with more than a token: first the token, so that strangers cost no signature."""
        told = dict(shown)
        scheme, _, text = told.get(AUTHORIZATION, b"").partition(b" ")
        token, must_sign = text.decode("latin-1"), SIGNATURE not in told and scope.get("method") != READING
        if len(told) != len(shown) or (scheme.lower() == DPOP) != (DPOP in told):
            raise RejectedError(Cause.PROOF)
        thumbprint, address = self.edge.read(scope)
        proof = read_proof(told[DPOP].decode("latin-1")) if DPOP in told else None
        mark = proof.mark if proof else thumbprint
        caller = self.door.caller(token, mark, address, at, must_sign=must_sign)
        if caller is None or scheme.lower() not in {DPOP, SCHEME.strip()}:
            return None
        once: list[Once] = []
        if proof:
            used = self._proofs().check(proof, scope["method"], scope["path"], at, token=token)
            once.append(used._replace(whose=f"dpop:{caller.client_id}"))
        if SIGNATURE in told or SIGNATURE_INPUT in told:
            signed = self._signed(scope, caller, at)
            caller = replace(caller, signature=signed.kept, body_sha256=signed.body_sha256)
            once.append(signed.once)
        return Spending(caller, once, self._replays()) if once else caller

    def _proofs(self) -> Proofs:
        if self.proofs is None:
            raise RejectedError(Cause.PROOF)
        return self.proofs

    def _signed(self, scope: Scope, caller: Caller, at: datetime) -> Signed:
        registered = self.door.registered(caller.client_id)
        if self.signatures is None or registered is None:
            raise RejectedError(Cause.SIGNATURE)
        return self.signatures.check(scope, registered, at)

    def _replays(self) -> ReplayStore:
        if self.replays is None:
            raise RejectedError(Cause.REPLAY)
        return self.replays


@dataclass(frozen=True, slots=True)
class Spending:
    """A caller who is known once these ids are used up; keeps the promise of `gateway.api.identify.Unspent`."""

    caller: Caller
    once: Sequence[Once]
    replays: ReplayStore

    async def spend(self) -> Caller | None:
        """In a thread, because the store may wait for a disk."""
        return await asyncio.to_thread(self._spend)

    def _spend(self) -> Caller | None:
        is_first = [self.replays.first_use(each.whose, each.id, each.until) for each in self.once]
        return self.caller if all(is_first) else None
