"""Evidence bundles put together: the desk of a home, and what ships with every bundle."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from adapters.checkpoints import FileCheckpoints
from adapters.keys.files import Passphrase
from adapters.sql.ledger_reader import SqlLedgerReader
from adapters.witness_files import WitnessedFiles
from audit.checkpoint import peek
from audit.errors import AuditError
from audit.note import NoteSigner
from audit.standalone.joining import FILE_NAME, joined
from gateway.exporting import ExportDesk
from gateway.office import Office
from ops.log_keys import LogKeys, disclosure_keys, read_log_keys
from ops.settings import Home, ServeSettings, load
from ops.witness_side import witness_home

_INSTRUCTIONS = Path(__file__).parent.parent / "audit" / "standalone"


@dataclass(frozen=True, kw_only=True)
class HomeSigner:
    """Keeps the promise of `gateway.exporting.LogSigner`: reads the keys anew each time, because they are replaced."""

    home: Home
    passphrase: Passphrase | None

    def trust(self) -> bytes:
        return self._keys().trust.encode()

    def receipt_signer(self) -> NoteSigner:
        return self._keys().receipts

    def _keys(self) -> LogKeys:
        return read_log_keys(self.home, load(self.home, "serve.toml", ServeSettings), self.passphrase)


def export_desk(home: Home, office: Office, reader: SqlLedgerReader, passphrase: Passphrase | None) -> ExportDesk:
    """The desk of a home; what it records goes through the office's store, one at a time."""
    witnesses = witness_home(home)
    return ExportDesk(
        office=office,
        reader=reader,
        ledger=office.ledger,
        keys=disclosure_keys(home, passphrase),
        signer=HomeSigner(home=home, passphrase=passphrase),
        clock=home.clock,
        checkpoints=lambda: _checkpoints(home),
        policy=lambda: _read(witnesses.policy_file),
        files=shipped(),
    )


def shipped() -> dict[str, bytes]:
    """The verifier and its instructions."""
    names = ("README.zh.md", "README.en.md")
    return {FILE_NAME: joined().encode()} | {name: (_INSTRUCTIONS / name).read_bytes() for name in names}


def _checkpoints(home: Home) -> list[bytes]:
    """The last one with a quorum, then the last one at all."""
    found = [WitnessedFiles(home.checkpoints).quorum.latest(), FileCheckpoints(home.checkpoints).latest()]
    return [each for each in found if each is not None and _is_readable(each)]


def _is_readable(checkpoint: bytes) -> bool:
    try:
        peek(checkpoint)
    except AuditError:
        return False
    return True


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
