"""Accounts put together: how people enrol, sign in, step up and change what they sign in with."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.routing import Route

from adapters.identity.certificate import Edge
from adapters.identity.oidc import OidcProvider, OidcSettings
from adapters.identity.passwords import Argon2Passwords, Cost
from adapters.identity.totp import TimeCodes
from adapters.identity.webauthn import WebAuthn
from adapters.keys.files import Passphrase, read_secret
from adapters.sql.store import SqlStore
from audit.ledger import Ledger
from gateway.accounts.asking import Asking
from gateway.accounts.attempts import Attempts
from gateway.accounts.enrolment import Admit, Enrolment
from gateway.accounts.federation import Federation
from gateway.accounts.ports import Passwords
from gateway.accounts.proving import Prover
from gateway.accounts.renewal import Renewal
from gateway.accounts.second_factor import SecondFactor
from gateway.accounts.sessions import SessionLimits, Sessions
from gateway.accounts.signing_in import SignIn
from gateway.accounts.vault import Vault
from gateway.api.office.enrolment import enrolment_routes
from gateway.api.office.guard import Guard
from gateway.api.office.oidc import oidc_routes
from gateway.api.office.sign_in import sign_in_routes
from gateway.api.office.webauthn import webauthn_routes
from gateway.api.office.workers import Workers
from gateway.ports import Clock, People
from ops.log_keys import make_ledger
from ops.settings import Home, Mode, OidcServeSettings, ServeSettings, SettingsError, load

NAME = "比对网关"
CALLBACK = "/v1/office/oidc/callback"
QUICK = Cost(memory_kibibytes=64, passes=1, lanes=1)
"""What a password costs in test mode, where a suite signs in a thousand times."""


@dataclass(frozen=True, kw_only=True)
class AccountsDesk:
    """Everything behind the doors of accounts. `origin` is the address of our pages."""

    clock: Clock
    origin: str
    store: SqlStore
    ledger: Ledger
    people: People
    vault: Vault
    passwords: Passwords
    limits: SessionLimits
    provider: OidcProvider | None
    is_frozen: Callable[[str], bool]

    def guard(self) -> Guard:
        return Guard(sessions=self._sessions(), clock=self.clock, origins=frozenset({self.origin}))

    def routes(self, guard: Guard, enrolment: Enrolment, edge: Edge) -> list[Route]:
        """The doors; they belong to the loop that first asks them something."""
        workers = Workers()
        asking = Asking(store=self.store, people=self.people, vault=self.vault, authenticators=self._authenticators())
        return [
            *sign_in_routes(sign_in=self.sign_in(), renewal=self._renewal(), guard=guard, edge=edge, workers=workers),
            *enrolment_routes(enrolment=enrolment, guard=guard, workers=workers),
            *webauthn_routes(asking=asking, guard=guard),
            *(self._oidc(self.provider, guard, workers) if self.provider else []),
        ]

    def enrolment(self, admit: Admit) -> Enrolment:
        """`admit` is told, within the work, who has enrolled by which code."""
        return Enrolment(
            store=self.store,
            ledger=self.ledger,
            people=self.people,
            vault=self.vault,
            passwords=self.passwords,
            totp=TimeCodes(NAME),
            prover=Prover(authenticators=self._authenticators()),
            entropy=os.urandom,
            admit=admit,
        )

    def _oidc(self, provider: OidcProvider, guard: Guard, workers: Workers) -> list[Route]:
        federation = Federation(
            store=self.store,
            ledger=self.ledger,
            people=self.people,
            vault=self.vault,
            sessions=self._sessions(),
            attempts=self._attempts(),
            provider=provider,
            entropy=os.urandom,
        )
        return oidc_routes(federation=federation, guard=guard, workers=workers)

    def _authenticators(self) -> WebAuthn:
        return WebAuthn(urlsplit(self.origin).hostname or "", NAME, [self.origin])

    def _sessions(self) -> Sessions:
        return Sessions(
            store=self.store,
            ledger=self.ledger,
            people=self.people,
            vault=self.vault,
            entropy=os.urandom,
            limits=self.limits,
            is_frozen=self.is_frozen,
        )

    def _attempts(self) -> Attempts:
        return Attempts(store=self.store, ledger=self.ledger, vault=self.vault, entropy=os.urandom)

    def sign_in(self) -> SignIn:
        return SignIn(
            store=self.store,
            ledger=self.ledger,
            people=self.people,
            passwords=self.passwords,
            second=SecondFactor(vault=self.vault, totp=TimeCodes(NAME), authenticators=self._authenticators()),
            sessions=self._sessions(),
            attempts=self._attempts(),
        )

    def _renewal(self) -> Renewal:
        return Renewal(
            store=self.store,
            ledger=self.ledger,
            vault=self.vault,
            passwords=self.passwords,
            prover=Prover(authenticators=self._authenticators()),
            attempts=self._attempts(),
            entropy=os.urandom,
        )


def open_accounts(
    home: Home, people: People, passphrase: Passphrase | None, is_frozen: Callable[[str], bool] = lambda _: False
) -> AccountsDesk:
    """The accounts of a home, with a store of their own. Raises `SettingsError`, `KeyFileError`."""
    settings = load(home, "serve.toml", ServeSettings)
    limits = SessionLimits(idle=settings.session_idle_minutes * 60, absolute=settings.session_hours * 3600)
    return AccountsDesk(
        clock=home.clock,
        origin=settings.issuer,
        store=SqlStore(home.database_url(settings)),
        ledger=make_ledger(home, settings, passphrase),
        people=people,
        vault=Vault(read_secret(home.keys / "serve" / "accounts.secret", passphrase), os.urandom),
        passwords=Argon2Passwords(os.urandom, QUICK if home.mode is Mode.TEST else Cost()),
        limits=limits,
        provider=_provider(home, settings, settings.oidc) if settings.oidc else None,
        is_frozen=is_frozen,
    )


def _provider(home: Home, settings: ServeSettings, oidc: OidcServeSettings) -> OidcProvider:
    try:
        secret = (home.path / oidc.client_secret_file).read_text(encoding="utf-8").strip()
        wanted = OidcSettings(
            issuer=oidc.issuer,
            client_id=oidc.client_id,
            client_secret=secret,
            redirect_uri=settings.issuer + CALLBACK,
        )
    except (OSError, ValueError) as error:
        raise SettingsError(f"serve.toml: oidc: {error}") from None
    return OidcProvider(wanted)
