"""The rules and grants in force: partners and rulebooks from files, grants from the database, all verified."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from adapters.identity.registry import Registry, load_registry
from adapters.sql.engine import driver_connection, open_engine
from adapters.sql.grants import GrantTable
from gateway.domain.errors import UnavailableError
from gateway.domain.grant import Grant, GrantError
from gateway.domain.partner_file import PartnerFileError
from gateway.ports import Rights
from gateway.signed_grant import SignedGrant, open_grant
from ops.settings import SettingsError
from policies.catalogue import Catalogue
from policies.loader import load_rulebooks
from policies.problems import RulebookError
from policies.snapshot import Snapshot, compile_rules


@dataclass(kw_only=True)
class RightsDesk:
    """Keeps the promise of `gateway.ports.RightsSource`. `changed` is told the registry and the signed grants."""

    folder: Path
    database: str
    catalogue: Catalogue
    trusted: Mapping[str, Ed25519PublicKey]
    changed: Callable[[Registry, Mapping[str, SignedGrant]], None]

    def load(self) -> Rights:
        """Everything anew. A grant that does not verify is an error for all: somebody wrote to the database."""
        try:
            registry = load_registry(self.folder / "partners")
            snapshot = load_snapshot(self.folder, registry, self.catalogue)
        except (PartnerFileError, RulebookError, SettingsError, OSError) as error:
            raise UnavailableError(str(error)) from error
        epoch, signed = self._stored()
        try:
            grants: dict[str, Grant] = {number: open_grant(each, self.trusted) for number, each in signed.items()}
        except GrantError as error:
            raise UnavailableError(f"a grant in the database cannot be trusted: {error}") from error
        if any(grant.number != number for number, grant in grants.items()):
            raise UnavailableError("a grant in the database stands under another number than its own")
        self.changed(registry, signed)
        return Rights(epoch, snapshot, grants)

    def _stored(self) -> tuple[int, Mapping[str, SignedGrant]]:
        engine = open_engine(self.database)
        connection = driver_connection(engine)
        try:
            table = GrantTable(engine, connection.cursor())
            return table.epoch(), table.all()
        finally:
            connection.close()
            engine.dispose()


def load_snapshot(folder: Path, registry: Registry, catalogue: Catalogue) -> Snapshot:
    """The compiled rulebooks of a home for the systems of a registry."""
    clients = {
        f"client:{system.client_id}": f"dept:{partner.department}"
        for partner in registry.partners.values()
        for system in partner.systems
    }
    rules = load_rulebooks(folder / "rulebooks", catalogue, clients=clients, units=load_units(folder / "units.toml"))
    if not rules.policy:
        raise SettingsError(
            "rulebooks/ holds no rule, so nobody may ask anything; put the departments' rulebooks there"
        )
    return compile_rules(rules)


def load_units(path: Path) -> Mapping[str, str | None]:
    """The tree of units as `org:<code>` to the unit above it. Codes of organisations are public."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SettingsError(f'{path} is missing: one line a unit, `code = "code of the unit above"`') from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        raise SettingsError("units.toml is not TOML in UTF-8; `python -m tomllib` shows the line") from None
    if not all(isinstance(above, str) for above in table.values()):
        raise SettingsError('units.toml: each code stands for the code of the unit above it, a text; "" at the top')
    return {f"org:{code}": f"org:{above}" if above else None for code, above in table.items()}
