"""The channels of an installation, opened by its settings; keys and passwords come from private files."""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from adapters.keys.files import read_passphrase
from adapters.metrics import Metrics
from adapters.notify.mail import Account, Mail
from adapters.notify.syslog import Syslog
from adapters.notify.webhook import Webhook
from adapters.sql.engine import open_engine
from adapters.sql.notices import SqlOutbox
from adapters.sql.store import SqlStore
from gateway.watch.notice import Notifier, product_of
from gateway.watch.ocsf import Product
from ops.notifying import Channel, Notifying
from ops.settings import (
    Home,
    MailSettings,
    ServeSettings,
    SettingsError,
    SyslogSettings,
    WebhookSettings,
)


def open_channels(home: Home, settings: ServeSettings) -> Mapping[str, Notifier]:
    """By name, as in `[notify]`; nobody is called yet. Raises `SettingsError` and `KeyFileError`."""
    told, channels = settings.notify, dict[str, Notifier]()
    if told.webhook:
        with _told("webhook"):
            channels["webhook"] = _webhook(home, told.webhook)
    if told.syslog:
        with _told("syslog"):
            channels["syslog"] = _syslog(home, told.syslog, settings.node)
    if told.mail:
        with _told("mail"):
            channels["mail"] = _mail(home, told.mail)
    return channels


def open_notifying(home: Home, settings: ServeSettings, store: SqlStore, metrics: Metrics) -> Notifying:
    """Tells every channel of the installation what waits for it. Raises `SettingsError` and `KeyFileError`."""
    engine = open_engine(home.database_url(settings))
    channels = [
        Channel(name=name, notifier=notifier, outbox=SqlOutbox(store, engine, home.clock, name))
        for name, notifier in open_channels(home, settings).items()
    ]
    return Notifying(channels, product=product(settings), clock=home.clock, metrics=metrics)


def product(settings: ServeSettings) -> Product:
    """How this installation names itself in notices."""
    try:
        return product_of(settings.origin, version("bidui"))
    except PackageNotFoundError:
        return product_of(settings.origin)


def _webhook(home: Home, told: WebhookSettings) -> Webhook:
    key = read_passphrase(home.path / told.key_file).reveal()
    return Webhook(told.url, key, authority=_file(home, told.authority_file), seconds=told.timeout_seconds)


def _syslog(home: Home, told: SyslogSettings, node: str) -> Syslog:
    return Syslog(
        told.host,
        told.port,
        transport=told.transport,
        node=node,
        facility=told.facility,
        authority=_file(home, told.authority_file),
        seconds=told.timeout_seconds,
    )


def _mail(home: Home, told: MailSettings) -> Mail:
    return Mail(
        told.host,
        told.port,
        sender=told.sender,
        recipients=told.recipients,
        security=told.security,
        account=_account(home, told),
        authority=_file(home, told.authority_file),
        seconds=told.timeout_seconds,
    )


def _account(home: Home, told: MailSettings) -> Account | None:
    if bool(told.username) != bool(told.password_file):
        raise ValueError("username and password_file belong together")
    if not told.username:
        return None
    return Account(told.username, read_passphrase(home.path / told.password_file).reveal().decode())


def _file(home: Home, name: str) -> Path | None:
    return home.path / name if name else None


@contextmanager
def _told(channel: str) -> Iterator[None]:
    try:
        yield
    except (ssl.SSLError, OSError):
        raise SettingsError(f"serve.toml: notify.{channel}: authority_file holds no certificates in PEM") from None
    except ValueError as error:
        raise SettingsError(f"serve.toml: notify.{channel}: {error}") from None
