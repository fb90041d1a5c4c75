"""`bidui grant load`: a grant from a TOML file, signed by the load key. For demonstrations and tests alone."""

from __future__ import annotations

import tomllib
from hashlib import sha256
from pathlib import Path

from adapters.keys.files import Passphrase, read_ed25519
from adapters.sql.store import SqlStore
from audit.events import grant_loaded
from gateway.domain.grant import Grant, GrantError, parse_grant
from gateway.signed_grant import sign_grant
from ops.log_keys import make_ledger
from ops.settings import Home, Mode, ServeSettings, load
from ops.wiring import LOAD_KEY
from policies.catalogue import load_catalogue


class LoadRefusedError(Exception):
    """Loading is not how a grant comes into force here."""


def load_grant(home: Home, path: Path, passphrase: Passphrase | None = None) -> Grant:
    """Signs the grant in a file, stores it and records that. Raises `GrantError`, `LoadRefusedError`."""
    if home.mode is Mode.PRODUCTION:
        raise LoadRefusedError("签批单在生产模式下须经签批流程生效，不能直接载入")
    grant = read_grant(path)
    signed = sign_grant(grant, LOAD_KEY, read_ed25519(home.keys / "load" / "load.pem", passphrase))
    settings = load(home, "serve.toml", ServeSettings)
    draft = grant_loaded(
        partner=grant.partner, grant=grant.number, sha256=sha256(signed.document).hexdigest(), by=[LOAD_KEY]
    )
    ledger = make_ledger(home, settings, passphrase)
    store = SqlStore(home.database_url(settings))
    try:
        with store.begin() as work:
            work.grants.put(grant.number, signed)
            ledger.append(work.ledger, [draft], home.clock.now())
            work.commit()
    finally:
        store.close()
    return grant


def read_grant(path: Path) -> Grant:
    """The grant in a file, its fields known to the catalogue. Raises `GrantError`."""
    try:
        grant = parse_grant(tomllib.loads(path.read_text(encoding="utf-8")))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        raise GrantError(f"{path.name} is not TOML in UTF-8") from None
    except OSError as error:
        raise GrantError(f"{path.name} cannot be read ({error.strerror})") from None
    unknown = sorted(grant.fields - load_catalogue().fields.keys())
    if unknown:
        raise GrantError(f"{path.name}: fields that the catalogue does not have: {', '.join(unknown)}")
    return grant
