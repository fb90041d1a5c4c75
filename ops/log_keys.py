"""The keys that sign for the log, and the trust file that says so to everybody else."""

from __future__ import annotations

import os
from dataclasses import dataclass

from adapters.keys.disclosures import DisclosureKeyFiles
from adapters.keys.files import Passphrase, read_ed25519, read_mldsa44
from audit.checkpoint import MlDsa44Signer
from audit.ledger import Ledger
from audit.note import Ed25519Signer
from audit.trust import Trust, TrustedKey
from ops.settings import Home, ServeSettings

TRUST_FILE = "trust.json"


@dataclass(frozen=True, kw_only=True)
class LogKeys:
    """Signers of checkpoints, and the signer of receipts."""

    origin: str
    checkpoints: tuple[Ed25519Signer | MlDsa44Signer, ...]
    receipts: Ed25519Signer

    @property
    def vkeys(self) -> list[str]:
        return [*(each.vkey for each in self.checkpoints), self.receipts.vkey]

    @property
    def trust(self) -> Trust:
        keys = (*(TrustedKey(each.vkey, "checkpoint") for each in self.checkpoints),)
        return Trust(self.origin, (*keys, TrustedKey(self.receipts.vkey, "receipt")))


def read_log_keys(home: Home, settings: ServeSettings, passphrase: Passphrase | None) -> LogKeys:
    """From `keys/serve`. Raises `KeyFileError`."""
    folder = home.keys / "serve"
    return LogKeys(
        origin=settings.origin,
        checkpoints=(
            Ed25519Signer(settings.origin, read_ed25519(folder / "checkpoints.pem", passphrase)),
            MlDsa44Signer(settings.origin, read_mldsa44(folder / "checkpoints-mldsa44.pem", passphrase)),
        ),
        receipts=Ed25519Signer(settings.origin, read_ed25519(folder / "receipts.pem", passphrase)),
    )


def make_ledger(home: Home, settings: ServeSettings, passphrase: Passphrase | None) -> Ledger:
    """The ledger that this node appends by."""
    disclosures = DisclosureKeyFiles(home.keys / "serve" / "disclosure", passphrase, os.urandom)
    return Ledger(node=settings.node, keys=disclosures, entropy=os.urandom)
