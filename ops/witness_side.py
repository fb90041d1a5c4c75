"""Both sides of witnessing, joined for one home: who witnesses us, and whom we witness."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from adapters.checkpoints import FileCheckpoints
from adapters.keys.files import Passphrase
from adapters.metrics import Metrics
from adapters.sql.ledger_reader import SqlLedgerReader
from adapters.witness_files import CosignedFiles, WitnessedFiles
from adapters.witness_home import WitnessHome
from adapters.witness_line import WitnessLine
from audit.errors import AuditError
from audit.note import NoteVerifier
from audit.suite import Digest
from audit.tree import Hashes
from audit.witness import Witness
from audit.witness_policy import Policy
from audit.witnessing import Limits
from gateway.api.witness import WitnessDoor
from ops.log_keys import LiveKeys
from ops.settings import Home, ServeSettings, SettingsError
from ops.witness_record import WitnessRecord
from ops.witnessing import Witnessing


@dataclass(frozen=True, kw_only=True)
class WitnessSide:
    """Of one gateway. `witnessing` is None where no policy is configured."""

    witnessing: Witnessing | None
    door: WitnessDoor

    def witnessed(self) -> bytes | None:
        """The last checkpoint with a quorum."""
        if self.witnessing is None:
            return None
        record = self.witnessing.record
        return record.kept.quorum.latest() if record.quorum() else None


def witness_home(home: Home) -> WitnessHome:
    """The folder of this home."""
    return WitnessHome(home.path, home.keys)


def open_witness(
    home: Home,
    settings: ServeSettings,
    passphrase: Passphrase | None,
    *,
    log_keys: LiveKeys,
    reader: SqlLedgerReader,
    checkpoints: FileCheckpoints,
    metrics: Metrics,
) -> WitnessSide:
    """Reads what is configured. Raises `SettingsError` for a policy that cannot be read, `KeyFileError` for keys."""
    folder = witness_home(home)
    policy, digest = read_policy(folder), log_keys.keys.trust.suite.digest
    record = None
    if policy:
        record = make_record(
            home,
            settings,
            policy,
            log=log_keys.verifiers,
            hashes=reader.hashes,
            latest=checkpoints.latest,
            digest=digest,
        )
    return WitnessSide(
        witnessing=Witnessing(
            record=record,
            limits=limits_of(settings),
            metrics=metrics,
            make_line=lambda: WitnessLine(folder.authority),
        )
        if record
        else None,
        door=WitnessDoor(
            witness=make_witness(home, passphrase),
            origins=lambda: list(folder.logs()),
            counted=metrics.witness,
        ),
    )


def read_policy(folder: WitnessHome) -> Policy | None:
    """The policy, if there is one. Raises `SettingsError`."""
    try:
        return folder.policy()
    except AuditError as error:
        raise SettingsError(f"witness/policy: {error}") from None


def limits_of(settings: ServeSettings) -> Limits:
    """The hard limits."""
    return Limits(timedelta(hours=settings.max_unwitnessed_hours), settings.max_unwitnessed_entries)


def make_record(
    home: Home,
    settings: ServeSettings,
    policy: Policy,
    *,
    log: Callable[[int], Sequence[NoteVerifier]],
    hashes: Hashes,
    latest: Callable[[], bytes | None],
    digest: Digest,
) -> WitnessRecord:
    """What witnesses said of this home's log."""
    return WitnessRecord(
        origin=settings.origin,
        policy=policy,
        log=log,
        kept=WitnessedFiles(home.checkpoints),
        latest=latest,
        hashes=hashes,
        digest=digest,
        now=home.clock.now,
    )


def make_witness(home: Home, passphrase: Passphrase | None) -> Witness | None:
    """Our own witness; None where `bidui witness init` was never run. Raises `KeyFileError`."""
    folder = witness_home(home)
    signers = folder.signers(passphrase)
    if not signers:
        return None
    return Witness(signers, folder.trusted, CosignedFiles(home.checkpoints), home.clock.now)
