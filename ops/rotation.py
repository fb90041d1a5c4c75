"""`bidui log key`: a new key is made, brought in by a deed, signs beside the old one, and then the old one ends.

    new      makes the private key; it signs nothing
    (deed)   LOG_KEY, proposed by 系统管理员, approved by 审计管理员
    switch   writes `key.trusted` and the trust file: both sign from here on
    end      writes `key.ended` and the trust file, destroys the old private key: only the new one signs from here on

The trust file is replaced inside the transaction, just before its commit, while the log is locked: no signer sees the
entry without the file. A crash in between leaves a file that is ahead of the log, and the next call writes the entry.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeAlias, cast

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey

from adapters.checkpoints import FileCheckpoints
from adapters.keys.files import Entropy, Passphrase, sync_folder, write_key, write_secret
from adapters.sql.ledger_reader import SqlLedgerReader
from audit import sm2
from audit.care_events import Decided, key_ended, key_trusted
from audit.care_kinds import KEY_ENDED, KEY_TRUSTED
from audit.checkpoint import open_signed, verifier
from audit.entry import decode
from audit.errors import NoteError
from audit.events import Draft
from audit.note import Algorithm, make_vkey
from audit.rotation import CHECKPOINT, alike, boundary, bring_in, end, find, replaced
from audit.suite import GM, suite_of
from audit.trust import Trust, TrustedKey, parse_trust
from gateway.deeds.document import Kind
from gateway.deeds.standing import Standing
from gateway.domain.errors import ConflictError
from gateway.office import Office
from ops.log_keys import STEMS, TRUST_FILE, key_file, key_files, read_signer, write_trust
from ops.settings import Home, ServeSettings, load

OVERLAP = timedelta(hours=24)
"""How long both keys sign at least, unless somebody is in a hurry."""
MAKES = {"ed25519": Algorithm.ED25519, "ml-dsa-44": Algorithm.ML_DSA_44, "sm2": Algorithm.OTHER}


Changing: TypeAlias = Callable[[Trust, str, str, int], tuple[Trust, int, Draft]]
"""From trust, purpose, key and the index of the entry: the trust afterwards, from where on, and the entry."""


@dataclass(frozen=True)
class Change:
    """One change of the keys, as it was written into the log."""

    purpose: str
    vkey: str
    at: int
    """The first tree size or index that it counts for."""


def make_key(home: Home, purpose: str, make: Algorithm, passphrase: Passphrase | None, entropy: Entropy) -> str:
    """Makes a key that signs nothing yet; its verifier key. Raises `NoteError` for a purpose that has no such keys."""
    settings = load(home, "serve.toml", ServeSettings)
    origin, seed = settings.origin, entropy(32)
    if (purpose, make) not in STEMS or (make is Algorithm.OTHER) != (suite_of(settings.suite) is GM):
        raise NoteError(
            "checkpoints are signed with ed25519 and ml-dsa-44, receipts with ed25519; under gm both with sm2"
        )
    if make is Algorithm.OTHER:
        return _make_sm2(home, origin, purpose, passphrase, entropy)
    key: Ed25519PrivateKey | MLDSA44PrivateKey = (
        MLDSA44PrivateKey.from_seed_bytes(seed)
        if make is Algorithm.ML_DSA_44
        else Ed25519PrivateKey.from_private_bytes(seed)
    )
    vkey = make_vkey(origin, make, key.public_key().public_bytes_raw())
    write_key(home.keys / "serve" / key_file(TrustedKey(str(vkey), purpose, first=1)).name, key, passphrase)
    return str(vkey)


def _make_sm2(home: Home, origin: str, purpose: str, passphrase: Passphrase | None, entropy: Entropy) -> str:
    key = sm2.make_key()
    vkey = sm2.Sm2Signer(origin, key).vkey
    path = home.keys / "serve" / key_file(TrustedKey(vkey, purpose, first=1)).name
    write_secret(path, key.content, passphrase, entropy)
    return vkey


def waiting(home: Home, passphrase: Passphrase | None) -> Iterator[tuple[str, str]]:
    """Keys that were made and not brought in: purpose and verifier key."""
    origin, named = load(home, "serve.toml", ServeSettings).origin, {each.vkey for each in read_trust(home).keys}
    for purpose, make, path in key_files(home):
        vkey = read_signer(path, make, origin, passphrase).vkey
        if vkey not in named:
            yield purpose, vkey


def read_trust(home: Home) -> Trust:
    """The trust file. Raises `NoteError`, `OSError`."""
    return parse_trust((home.path / TRUST_FILE).read_bytes())


class Rotation:
    """Changes the keys of one home. Every call may be repeated: what was done is not done again."""

    def __init__(self, home: Home, office: Office, passphrase: Passphrase | None) -> None:
        """`office` says what is in force, and appends; whoever opened it closes it."""
        self._home, self._office, self._passphrase = home, office, passphrase
        self._settings = load(home, "serve.toml", ServeSettings)

    def switch(self) -> list[Change]:
        """Brings in every key that was made here and that a deed in force names. Raises `ConflictError` if none is."""
        standing, trust, told = self._office.standing(), read_trust(self._home), self._told(KEY_TRUSTED.type)
        ours = {(purpose, vkey) for purpose, vkey in waiting(self._home, self._passphrase)}
        allowed = {(str(each.content["purpose"]), str(each.content["vkey"])) for each in standing.of(Kind.LOG_KEY)}
        # The file may be ahead of the log: somebody was interrupted.
        late = [(each.purpose, each.vkey) for each in trust.keys if each.first and each.vkey not in told]
        if not (keys := [*late, *sorted(ours & allowed)]):
            raise ConflictError("没有可以启用的密钥：先运行 bidui log key new，再使相应的 log_key 文书生效")

        def brought_in(trust: Trust, purpose: str, vkey: str, index: int) -> tuple[Trust, int, Draft]:
            known = any(each.vkey == vkey for each in trust.keys)
            first = find(trust, vkey).first if known else boundary(purpose, index)
            trust = trust if known else bring_in(trust, TrustedKey(vkey, purpose, first))
            decided = _decided(standing, vkey)
            return trust, first, key_trusted(purpose=purpose, vkey=vkey, from_index=first, decided=decided)

        return self._write(keys, brought_in)

    def end(self, *, at_once: bool = False) -> list[Change]:
        """Ends every key that another one has replaced, and destroys it. Raises `ConflictError` while it is too early.

        `at_once` does not wait for `OVERLAP`: for a key that was stolen.
        """
        standing, trust, told = self._office.standing(), read_trust(self._home), self._told(KEY_ENDED.type)
        over = [(old, heir) for old, heir in replaced(trust) if at_once or self._is_time(heir)]
        late = [(each.purpose, each.vkey) for each in trust.keys if each.until is not None and each.vkey not in told]
        if not (keys := [*late, *((old.purpose, old.vkey) for old, _ in over)]):
            hours = OVERLAP // timedelta(hours=1)
            raise ConflictError(f"没有可以停用的密钥：新旧密钥须并行签署至少 {hours} 小时；密钥泄露时用 --at-once")
        self._check_signed(heir for _, heir in over if heir.purpose == CHECKPOINT)

        def ended(trust: Trust, purpose: str, vkey: str, index: int) -> tuple[Trust, int, Draft]:
            until = find(trust, vkey).until or boundary(purpose, index)
            heir = next(each for each in reversed(alike(trust, vkey, purpose)) if each.until is None)
            decided = _decided(standing, heir.vkey)
            draft = key_ended(purpose=purpose, vkey=vkey, until=until, successor=heir.vkey, decided=decided)
            return end(trust, vkey, until), until, draft

        done = self._write(keys, ended)
        self.destroy()
        return done

    def destroy(self) -> None:
        """Destroys the private halves of all keys that ended, as far as a file system does."""
        gone = {each.vkey for each in read_trust(self._home).keys if each.until is not None}
        for _, make, path in list(key_files(self._home)):
            if read_signer(path, make, self._settings.origin, self._passphrase).vkey in gone:
                _destroy(path)

    def _write(self, keys: Sequence[tuple[str, str]], change: Changing) -> list[Change]:
        """One transaction for all of them; the trust file is in place before the commit."""
        with self._office.store.begin() as work:
            trust, drafts, done = read_trust(self._home), list[Draft](), list[Change]()
            for index, (purpose, vkey) in enumerate(keys, work.ledger.lock_head().size):
                trust, at, draft = change(trust, purpose, vkey, index)
                drafts.append(draft)
                done.append(Change(purpose, vkey, at))
            self._office.ledger.append(work.ledger, drafts, self._home.clock.now())
            write_trust(self._home, trust)
            work.commit()
        return done

    def _told(self, kind: str) -> dict[str, datetime]:
        """The keys that the log's own entries of a kind speak of, and when."""
        with closing(SqlLedgerReader.open(self._home.database_url(self._settings))) as reader:
            opened = [cast("dict[str, object]", decode(content)) for _, content in reader.of_type(kind)]
        return {
            str(cast("dict[str, object]", each["body"])["vkey"]): datetime.fromisoformat(str(each["log_time"]))
            for each in opened
        }

    def _is_time(self, heir: TrustedKey) -> bool:
        began = self._told(KEY_TRUSTED.type).get(heir.vkey)
        return began is not None and self._home.clock.now() - began >= OVERLAP

    def _check_signed(self, heirs: Iterable[TrustedKey]) -> None:
        """A checkpoint with both signatures is what shows the new key to whoever trusts the old one."""
        latest = FileCheckpoints(self._home.checkpoints).latest()
        for heir in heirs:
            try:
                open_signed(latest or b"", [verifier(heir.vkey)])
            except NoteError:
                raise ConflictError("尚无新密钥签署的检查点：让网关运行几秒后再停用旧密钥") from None


def _decided(standing: Standing, vkey: str) -> Decided:
    for document in standing.of(Kind.LOG_KEY):
        deed = standing.deed(Kind.LOG_KEY, document.id)
        if deed and document.content["vkey"] == vkey:
            return Decided(deed.digest, [each.person for each in deed.signatures])
    raise ConflictError("没有生效的 log_key 文书列有此密钥")


def _destroy(path: Path) -> None:
    """Writes over the key before its name goes; what the disk keeps of it is for the disk's own encryption."""
    with path.open("r+b") as file:
        file.write(bytes(path.stat().st_size))
        file.flush()
        os.fsync(file.fileno())
    path.unlink()
    sync_folder(path.parent)
