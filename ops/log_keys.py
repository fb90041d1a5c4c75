"""The keys that sign for the log, and the trust file that says so to everybody else.

    keys/serve/checkpoints.pem  checkpoints-mldsa44.pem  receipts.pem      those of the founding
    keys/serve/checkpoints-sm2.secret  receipts-sm2.secret                 the same under the suite gm
    keys/serve/<the same>-<key id>.pem                                     those that `bidui log key new` made

Which of them sign, and from where on, is in `trust.json` alone: a key that it does not name signs nothing.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from adapters.keys.disclosures import DisclosureKeyFiles
from adapters.keys.files import KeyFileError, Passphrase, read_ed25519, read_mldsa44, read_secret, sync_folder
from audit.checkpoint import MlDsa44Signer
from audit.errors import NoteError
from audit.ledger import Ledger
from audit.note import Algorithm, Ed25519Signer, NoteSigner, NoteVerifier, parse_vkey
from audit.reader import LedgerReader
from audit.rotation import CHECKPOINT, RECEIPT, SigningKeys
from audit.signer import CheckpointSigner, CheckpointStore
from audit.sm2 import Sm2Signer, read_key
from audit.suite import GM, Suite, suite_of
from audit.trust import Trust, TrustedKey, parse_trust
from ops.closed import check_settled
from ops.settings import Home, ServeSettings, load

TRUST_FILE = "trust.json"
STEMS = {
    (CHECKPOINT, Algorithm.ED25519): "checkpoints",
    (CHECKPOINT, Algorithm.ML_DSA_44): "checkpoints-mldsa44",
    (RECEIPT, Algorithm.ED25519): "receipts",
    (CHECKPOINT, Algorithm.OTHER): "checkpoints-sm2",
    (RECEIPT, Algorithm.OTHER): "receipts-sm2",
}
"""The name of a key's file, by what it signs and its make."""
ReceiptKey = Ed25519Signer | Sm2Signer
CheckpointKey = ReceiptKey | MlDsa44Signer


@dataclass(frozen=True, kw_only=True)
class LogKeys:
    """Signers of checkpoints, the signer of receipts, and for what each is trusted."""

    origin: str
    checkpoints: tuple[CheckpointKey, ...]
    receipts: ReceiptKey
    trust: Trust

    @property
    def vkeys(self) -> list[str]:
        return [*(each.vkey for each in self.checkpoints), self.receipts.vkey]

    def signers(self, size: int) -> Sequence[NoteSigner]:
        """Keeps the promise of `audit.rotation.SigningKeys`."""
        good = [each.vkey for each in self.trust.keys if each.purpose == CHECKPOINT and each.is_good_for(size)]
        found = [each for each in self.checkpoints if each.vkey in good]
        if not found or len(found) < len(good):
            raise NoteError("a key that must sign the log is not in keys/serve; see trust.json")
        return found

    def verifiers(self, size: int) -> Sequence[NoteVerifier]:
        """Keeps the promise of `audit.rotation.SigningKeys`."""
        return self.trust.verifiers(CHECKPOINT, size)


def read_log_keys(home: Home, settings: ServeSettings, passphrase: Passphrase | None) -> LogKeys:
    """Those that the trust file names; those of the founding where there is none yet.

    Raises `KeyFileError` when one is missing that goes on signing, `NoteError` for what is no trust file.
    """
    path = home.path / TRUST_FILE
    trust = parse_trust(path.read_bytes()) if path.exists() else _founding(home, settings, passphrase)
    named = {each.vkey: each for each in trust.keys}
    checkpoints: list[CheckpointKey] = []
    receipts: list[ReceiptKey] = []
    for purpose, signer in _signers(home, settings.origin, passphrase):
        if signer.vkey not in named:
            continue
        if purpose == CHECKPOINT:
            checkpoints.append(signer)
        elif not isinstance(signer, MlDsa44Signer):
            receipts.append(signer)
    _check_there(trust, {each.vkey for each in (*checkpoints, *receipts)})
    newest = max(receipts, key=lambda each: (named[each.vkey].until is None, named[each.vkey].first))
    ordered = sorted(checkpoints, key=lambda each: list(named).index(each.vkey))
    return LogKeys(origin=settings.origin, checkpoints=tuple(ordered), receipts=newest, trust=trust)


def _check_there(trust: Trust, found: set[str]) -> None:
    """Every key that goes on signing must be at hand, and there must be one for each purpose."""
    going_on = [each for each in trust.keys if each.until is None]
    missing = [each for each in going_on if each.vkey not in found]
    if missing or {each.purpose for each in going_on} != {CHECKPOINT, RECEIPT}:
        names = "、".join(each.vkey.split("+")[1] for each in missing) or "none that goes on"
        raise KeyFileError(f"keys/serve lacks keys that {TRUST_FILE} names ({names}); restore them from their backup")


def key_file(key: TrustedKey) -> Path:
    """The name of a key's file: keys that came later bear their id."""
    vkey = parse_vkey(key.vkey)
    stem = STEMS[key.purpose, Algorithm(vkey.algorithm)]
    end = _end(Algorithm(vkey.algorithm))
    return Path(f"{stem}-{vkey.key_id.hex()}.{end}" if key.first else f"{stem}.{end}")


def _end(make: Algorithm) -> str:
    """PEM has no form for SM2 that our library reads."""
    return "secret" if make is Algorithm.OTHER else "pem"


def key_files(home: Home) -> Iterator[tuple[str, Algorithm, Path]]:
    """All private keys of the log: what each signs, its make, its file."""
    folder = home.keys / "serve"
    for (purpose, make), stem in STEMS.items():
        for path in sorted(folder.glob(f"{stem}*.{_end(make)}")):
            if re.fullmatch(rf"{stem}(-[0-9a-f]{{8}})?\.{_end(make)}", path.name):
                yield purpose, make, path


def read_signer(path: Path, make: Algorithm, origin: str, passphrase: Passphrase | None) -> CheckpointKey:
    """The signer in one of those files. Raises `KeyFileError`."""
    if make is Algorithm.ML_DSA_44:
        return MlDsa44Signer(origin, read_mldsa44(path, passphrase))
    if make is Algorithm.OTHER:
        return Sm2Signer(origin, read_key(read_secret(path, passphrase)))
    return Ed25519Signer(origin, read_ed25519(path, passphrase))


def _signers(home: Home, origin: str, passphrase: Passphrase | None) -> Iterator[tuple[str, CheckpointKey]]:
    for purpose, make, path in key_files(home):
        yield purpose, read_signer(path, make, origin, passphrase)


def founding_files(suite: Suite) -> Iterator[tuple[str, Algorithm, str]]:
    """The keys of the founding: what each signs, its make, the name of its file."""
    for (purpose, make), stem in STEMS.items():
        if (make is Algorithm.OTHER) == (suite is GM):
            yield purpose, make, f"{stem}.{_end(make)}"


def _founding(home: Home, settings: ServeSettings, passphrase: Passphrase | None) -> Trust:
    folder, origin = home.keys / "serve", settings.origin
    keys = [
        TrustedKey(read_signer(folder / name, make, origin, passphrase).vkey, purpose)
        for purpose, make, name in founding_files(suite_of(settings.suite))
    ]
    return Trust(origin, tuple(keys))


def write_trust(home: Home, trust: Trust) -> None:
    """Puts a trust file in the place of the one before, whole and durably."""
    draft = home.path / f"{TRUST_FILE}.new"
    with draft.open("wb") as file:
        file.write(trust.encode())
        file.flush()
        os.fsync(file.fileno())
    draft.replace(home.path / TRUST_FILE)
    sync_folder(home.path)


class LiveKeys:
    """The log's keys as the trust file has them now: whoever holds this notices when they change.

    Keeps the promises of `audit.rotation.SigningKeys` and `audit.receipt.ReceiptSigner`. A change that cannot be read
    leaves the keys as they were, and `alarm` is told the name of the error.
    """

    def __init__(self, read: Callable[[], LogKeys], path: Path, alarm: Callable[[str], None]) -> None:
        self._read, self._path, self._alarm = read, path, alarm
        self._seen = self._look()
        self.keys = read()

    def refresh(self) -> None:
        """Reads the keys anew if the trust file was replaced."""
        seen = self._look()
        if seen == self._seen:
            return
        self._seen = seen
        try:
            self.keys = self._read()
        except (KeyFileError, NoteError, OSError) as error:
            self._alarm(type(error).__name__)

    def signers(self, size: int) -> Sequence[NoteSigner]:
        """Those of this moment: a key is in the trust file before the entry that says so is committed."""
        self.refresh()
        return self.keys.signers(size)

    def verifiers(self, size: int) -> Sequence[NoteVerifier]:
        """Those of this moment, too: the signer asks at every run, so a change is noticed within a second."""
        self.refresh()
        return self.keys.verifiers(size)

    def sign(self, text: str, at: datetime | None = None) -> bytes:
        """Signs a receipt with the newest of its keys."""
        return self.keys.receipts.sign(text, at)

    def trust(self) -> bytes:
        """The trust file."""
        return self.keys.trust.encode()

    def _look(self) -> tuple[int, int, int]:
        try:
            found = self._path.stat()
        except OSError:
            return (0, 0, 0)
        return (found.st_ino, found.st_mtime_ns, found.st_size)


def live_keys(
    home: Home, settings: ServeSettings, passphrase: Passphrase | None, alarm: Callable[[str], None]
) -> LiveKeys:
    """The log's keys of a home. Raises what `read_log_keys` raises."""
    return LiveKeys(lambda: read_log_keys(home, settings, passphrase), home.path / TRUST_FILE, alarm)


def make_ledger(home: Home, settings: ServeSettings, passphrase: Passphrase | None) -> Ledger:
    """The ledger that this node appends by. Raises `SettingsError` while another log is taking its place."""
    check_settled(home)
    keys = disclosure_keys(home, passphrase)
    return Ledger(node=settings.node, keys=keys, entropy=os.urandom, suite=suite_of(settings.suite))


def make_signer(
    home: Home,
    settings: ServeSettings,
    keys: SigningKeys,
    reader: LedgerReader,
    checkpoints: CheckpointStore,
    *,
    rest: Callable[[], None] = lambda: None,
) -> CheckpointSigner:
    """The signer of the home's log; `rest` is called now and then while it reads a long one."""
    return CheckpointSigner(
        origin=settings.origin,
        reader=reader,
        store=checkpoints,
        signers=keys,
        now=home.clock.now,
        rest=rest,
        digest=suite_of(settings.suite).digest,
    )


def disclosure_keys(home: Home, passphrase: Passphrase | None) -> DisclosureKeyFiles:
    """The keys of the home's disclosures, for its suite. Raises `KeyFileError`."""
    suite = suite_of(load(home, "serve.toml", ServeSettings).suite)
    return DisclosureKeyFiles(home.keys / "serve" / "disclosure", passphrase, os.urandom, suite=suite)
