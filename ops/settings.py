"""Settings: `BIDUI_HOME`, `BIDUI_MODE` and `BIDUI_CLOCK` from the environment, everything else from TOML in the home.

People's commands keep their session under `XDG_STATE_HOME`.

Each process has a file of its own. The gateway's cannot name a source, the sealing process's cannot name a database
of the gateway: what a process must not know, its settings have no word for.
"""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal, TypeVar

import msgspec

from adapters.clock import FileClock, SystemClock
from gateway.ports import Clock

_Settings = TypeVar("_Settings")


class SettingsError(Exception):
    """A setting is missing or wrong; the message says where and what to write."""


class Mode(StrEnum):
    """What may be taken lightly: nothing in production."""

    PRODUCTION = "production"
    DEMO = "demo"
    TEST = "test"


Port = Annotated[int, msgspec.Meta(ge=0, le=65535)]
SuiteName = Literal["intl", "gm"]
"""A cryptographic suite, chosen once by `bidui init`: see `audit/suite.py`."""


class OidcServeSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[oidc]` in `serve.toml`."""

    issuer: str
    client_id: str
    client_secret_file: str
    """In the home; readable by the gateway's user alone."""


Seconds = Annotated[float, msgspec.Meta(ge=0.1, le=60)]
Address = Annotated[str, msgspec.Meta(pattern=r"^[0-9A-Za-z.!#$%&'*+/=?^_`{|}~-]+@[0-9A-Za-z.-]+\Z", max_length=254)]
"""Of mail, and of one person: nothing in it parts it from another, or ends the line."""
Host = Annotated[str, msgspec.Meta(pattern=r"^[0-9A-Za-z.:_-]+\Z", max_length=253)]


class WebhookSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[notify.webhook]` in `serve.toml`. Relative paths begin in the home."""

    url: str
    """An https address; nothing else is ever asked."""
    key_file: str
    """A private file whose first line is the key that signs what is sent, 32 characters or more."""
    authority_file: str = ""
    """Certificates in PEM of the authorities to trust; empty: those of the system."""
    timeout_seconds: Seconds = 5.0


class SyslogSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[notify.syslog]` in `serve.toml`."""

    host: Host
    port: Annotated[int, msgspec.Meta(ge=1, le=65535)] = 6514
    transport: Literal["tls", "tcp", "udp"] = "tls"
    facility: Annotated[int, msgspec.Meta(ge=0, le=23)] = 13
    authority_file: str = ""
    timeout_seconds: Seconds = 5.0


class MailSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[notify.mail]` in `serve.toml`."""

    host: Host
    sender: Address
    recipients: Annotated[tuple[Address, ...], msgspec.Meta(min_length=1, max_length=50)]
    port: Annotated[int, msgspec.Meta(ge=1, le=65535)] = 587
    security: Literal["starttls", "tls"] = "starttls"
    username: str = ""
    password_file: str = ""
    """A private file whose first line is the password."""
    authority_file: str = ""
    timeout_seconds: Seconds = 10.0


class NotifySettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[notify]` in `serve.toml`: the channels by which officers hear of incidents."""

    webhook: WebhookSettings | None = None
    syslog: SyslogSettings | None = None
    mail: MailSettings | None = None


class ServeSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`serve.toml`: the gateway."""

    origin: Annotated[str, msgspec.Meta(min_length=1)]
    """The name of this deployment's log, as it stands in receipts and checkpoints."""
    issuer: str
    """The https address partners reach the gateway by; the audience of their assertions and of our tokens."""
    suite: SuiteName = "intl"
    """The cryptographic suite of log and index; fixed when the log was opened."""
    node: str = "node-1"
    host: str = "127.0.0.1"
    port: Port = 8420
    metrics_host: str = "127.0.0.1"
    metrics_port: Port = 9420
    database: str = ""
    """SQLAlchemy URL of the control database; empty: SQLite in the home."""
    index_database: str = ""
    """SQLAlchemy URL of a PostgreSQL point store; empty: the SQLite files of the generation."""
    trusted_proxies: tuple[str, ...] = ()
    """Networks of the proxies that may hand on a client certificate; each must also show the proxy secret."""
    tls: bool = False
    """Whether uvicorn itself ends TLS and asks for client certificates."""
    certificate_optional: bool = False
    """Whether TLS also lets in systems without a client certificate, which prove themselves by DPoP."""
    addresses: tuple[str, ...] = ()
    """Further https addresses partners reach the gateway by: what DPoP proofs and signed requests may name."""
    dpop_nonces: bool = False
    """Whether a DPoP proof must hold a nonce of ours, so that none can be made ahead of time."""
    session_idle_minutes: Annotated[int, msgspec.Meta(ge=1, le=60)] = 15
    """After how many minutes without a request somebody must sign in again."""
    session_hours: Annotated[int, msgspec.Meta(ge=1, le=24)] = 8
    """After how many hours they must, whatever they do."""
    oidc: OidcServeSettings | None = None
    """The office's own identity provider, for signing in; nobody can approve anything by it."""
    max_unwitnessed_hours: Annotated[float, msgspec.Meta(gt=0, le=720)] = 4.0
    """Where witnesses are configured: after how many hours without a quorum of them nothing is answered any more."""
    max_unwitnessed_entries: Annotated[int, msgspec.Meta(ge=1)] = 1_000_000
    """Likewise: after how many entries."""
    clock_tolerance_seconds: Annotated[float, msgspec.Meta(ge=1, le=3600)] = 10.0
    """By how much the clock may leap, or be behind the last entry; beyond it nothing is answered."""
    least_free_megabytes: Annotated[int, msgspec.Meta(ge=1)] = 256
    """With less room on the disk nothing is answered."""
    reserve_megabytes: Annotated[int, msgspec.Meta(ge=0)] = 64
    """What is held in `data/reserve`, and let go when there is less room than that."""
    grid_milliseconds: Annotated[float, msgspec.Meta(gt=0, le=1000)] = 2.0
    """Answers leave on multiples of this."""
    notify: NotifySettings = NotifySettings()
    """Channels by which officers hear of incidents."""


class SealSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`seal.toml`: the sealing process."""

    socket: str = ""
    """Path of its unix socket; empty: `data/seal/seal.sock` in the home."""
    suite: SuiteName = "intl"
    """The cryptographic suite of the installation; must be that of sync and gateway."""


@dataclass(frozen=True, kw_only=True)
class Home:
    """Where everything of one installation lies, in which mode it runs, and its clock."""

    path: Path
    mode: Mode
    clock: Clock

    @property
    def keys(self) -> Path:
        return self.path / "keys"

    @property
    def index(self) -> Path:
        return self.path / "data" / "index"

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    def folder(self, name: str) -> Path:
        """`partners`, `grants`, `rulebooks` or `mappings`."""
        return self.path / name

    def database_url(self, settings: ServeSettings) -> str:
        return settings.database or f"sqlite:///{self.path / 'data' / 'control.sqlite'}"

    def seal_socket(self, settings: SealSettings) -> Path:
        return Path(settings.socket) if settings.socket else self.path / "data" / "seal" / "seal.sock"


def open_home(path: Path | None = None) -> Home:
    """The home that the environment names, or this one. Raises `SettingsError`."""
    named = os.environ.get("BIDUI_HOME")
    if path is None and not named:
        raise SettingsError("BIDUI_HOME is not set: the folder that `bidui init` made, see docs/operations.md")
    mode = _mode(os.environ.get("BIDUI_MODE", Mode.PRODUCTION))
    home = (path or Path(named or "")).absolute()
    return Home(path=home, mode=mode, clock=_clock(os.environ.get("BIDUI_CLOCK", "system"), mode))


def open_clock() -> Clock:
    """The clock that the environment names, for commands that have no home. Raises `SettingsError`."""
    return _clock(os.environ.get("BIDUI_CLOCK", "system"), _mode(os.environ.get("BIDUI_MODE", Mode.PRODUCTION)))


def state_folder() -> Path:
    """Where this user's programs keep what they need until next time."""
    named = os.environ.get("XDG_STATE_HOME")
    return Path(named) if named else Path.home() / ".local" / "state"


def load(home: Home, name: str, kind: type[_Settings]) -> _Settings:
    """The settings in the home's file of this name. Raises `SettingsError`."""
    path = home.path / name
    try:
        return msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), kind)
    except FileNotFoundError:
        raise SettingsError(f"{path} is missing: `bidui init` writes one, see docs/operations.md") from None
    except UnicodeDecodeError:
        raise SettingsError(f"{name}: save it as UTF-8") from None
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise SettingsError(f"{name}: {error}") from None


def _mode(text: str) -> Mode:
    try:
        return Mode(text)
    except ValueError:
        raise SettingsError(f"BIDUI_MODE must be one of {', '.join(Mode)}") from None


def _clock(text: str, mode: Mode) -> Clock:
    if text == "system":
        return SystemClock()
    kind, _, path = text.partition(":")
    if kind != "file" or not path:
        raise SettingsError("BIDUI_CLOCK must be system, or file:PATH of a file with one RFC 3339 instant")
    if mode is Mode.PRODUCTION:
        raise SettingsError("BIDUI_CLOCK may be driven in demo and test mode only; leave it out in production")
    return FileClock(Path(path))
