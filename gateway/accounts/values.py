"""What is kept of an account. Times are Unix seconds, 0 for "not yet"; what proves a person hides itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from gateway.domain.people import Duty, KeyForm, Person, PersonKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One natural person's account. `name` and `totp` are sealed (see `vault`), `code` is a digest.

    Invited, it has a code; enrolled, it has a password. Enrolled again (a new code for an enrolled person), it has both
    until the code is used or too old.
    """

    id: str
    natural: str = field(repr=False)
    name: bytes = field(repr=False)
    duty: Duty
    partner: str | None
    code: bytes = field(repr=False)
    code_until: int
    enrolled: int = 0
    password: str = field(default="", repr=False)
    totp: bytes = field(default=b"", repr=False)
    totp_step: int = 0
    """The step of the last one-time code that was used: neither it nor an earlier one is good again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountKey:
    """A key that its owner has shown to hold. Kept for ever, so that no key is ever that of two people."""

    account: str
    key: PersonKey
    credential: bytes = b""
    """What an authenticator calls its key; empty for a key file."""
    sign_count: int = 0
    added: int
    retired: int = 0
    """When another took its place. It signs on until the deed says otherwise."""
    revoked: int = 0
    """When it stopped being good for signing in, whatever a deed says."""

    @property
    def is_authenticator(self) -> bool:
        """Whether it can be used on pages."""
        return self.key.form is KeyForm.WEBAUTHN


class Level(StrEnum):
    """What a session was opened with."""

    TOTP = "totp"
    RECOVERY = "recovery"
    WEBAUTHN = "webauthn"
    OIDC = "oidc"


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A row for each open session. `name` is the digest of an id that only the person's browser or program holds."""

    name: bytes
    account: str
    level: Level
    opened: int
    seen: int
    fresh_until: int


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Whoever sends a request: an enrolled person in force. `session` is the digest of the session's id."""

    person: Person
    session: bytes = field(repr=False)
    level: Level
    fresh_until: datetime
    """Until when the second factor counts as just shown."""
    csrf: str = field(repr=False)
    """What a page of this session shows with each change (synchronizer token)."""

    def is_fresh(self, at: datetime) -> bool:
        """Whether the second factor was shown so lately that they may approve something."""
        return at < self.fresh_until


@dataclass(frozen=True, slots=True)
class Opened:
    """A session that was just opened or replaced, and what only its owner gets: its id, and the word of the device."""

    signed_in: SignedIn
    session_id: str = field(repr=False)
    device: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class TotpCode:
    """Six digits from the person's one-time code program."""

    code: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class RecoveryCode:
    """One of the codes that were shown once, at enrolment."""

    code: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Assertion:
    """What an authenticator answered to our challenge: the JSON of a `PublicKeyCredential`."""

    credential: str = field(repr=False)


Second = TotpCode | RecoveryCode | Assertion
"""The second factor."""


@dataclass(frozen=True, slots=True)
class Ed25519Proof:
    """A key file's public half (32 bytes) and its signature over `keys.possession`."""

    public: bytes
    signature: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Registration:
    """What a new authenticator answered to our challenge: the JSON of a `PublicKeyCredential`."""

    credential: str = field(repr=False)


Proof = Ed25519Proof | Registration
"""That a person holds the key they enrol."""
