"""The folder `witness/` of a home, and our own witness key.

witness/policy           who witnesses our log, and how many it takes (C2SP tlog-policy); none: nobody does
witness/authority.crt    the authority of the witnesses' addresses, where the system's authorities do not know it
witness/vkeys            our own witness's verifier keys, for the logs that we witness
witness/logs/*.json      the trust files of those logs
witness/tsa.pem          the certificate of the time-stamping authority, and after it those that lead to its root
keys/serve/witness.pem, witness-mldsa44.pem
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey

from adapters.keys.files import (
    Entropy,
    KeyFileError,
    Passphrase,
    private_folder,
    read_ed25519,
    read_mldsa44,
    write_key,
    write_new,
)
from audit.checkpoint import MlDsa44Signer
from audit.cosignature import Ed25519Cosigner
from audit.errors import NoteError, WitnessError
from audit.note import NoteSigner, parse_vkey
from audit.trust import Trust, parse_trust
from audit.witness_policy import Policy, parse_policy

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_LARGEST = 1 << 20


class WitnessHome:
    """Reads and writes the folder of one home."""

    def __init__(self, home: Path, keys: Path) -> None:
        """Takes the home and its folder of keys."""
        self.folder = home / "witness"
        self._keys = keys / "serve"
        self._seen: tuple[tuple[str, int, int], ...] | None = None
        self._logs: dict[str, Trust] = {}

    @property
    def authority(self) -> Path | None:
        """The certificate of the authority behind the witnesses' addresses, if it is ours to name."""
        path = self.folder / "authority.crt"
        return path if path.exists() else None

    @property
    def tsa(self) -> Path:
        return self.folder / "tsa.pem"

    @property
    def policy_file(self) -> Path:
        return self.folder / "policy"

    def policy(self) -> Policy | None:
        """Who witnesses us; None when nobody is meant to. Raises `WitnessError`, also for addresses in clear."""
        try:
            content = self.policy_file.read_bytes()
        except FileNotFoundError:
            return None
        return check_policy(content)

    def make_keys(self, name: str, entropy: Entropy, passphrase: Passphrase | None) -> list[str]:
        """Makes our witness's keys, once; its verifier keys. Raises `KeyFileError` where there are some."""
        ed25519 = Ed25519PrivateKey.from_private_bytes(entropy(32))
        mldsa44 = MLDSA44PrivateKey.from_seed_bytes(entropy(32))
        vkeys = [Ed25519Cosigner(name, ed25519).vkey, MlDsa44Signer(name, mldsa44).vkey]
        self.folder.mkdir(mode=0o750, parents=True, exist_ok=True)
        if (self.folder / "vkeys").exists():
            raise KeyFileError(f"{self.folder / 'vkeys'} exists: a witness has one name and one set of keys")
        private_folder(self._keys)
        write_key(self._keys / "witness.pem", ed25519, passphrase)
        write_key(self._keys / "witness-mldsa44.pem", mldsa44, passphrase)
        # Written last: without it there is no witness, and what a crash left behind is moved away by hand.
        write_new(self.folder / "vkeys", "".join(f"{each}\n" for each in vkeys).encode(), 0o644)
        return vkeys

    def vkeys(self) -> list[str]:
        """Our witness's verifier keys; none when we are no witness."""
        try:
            return (self.folder / "vkeys").read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return []

    def signers(self, passphrase: Passphrase | None) -> Sequence[NoteSigner]:
        """Our witness's keys; none when we are no witness. Raises `KeyFileError`, also for others than told."""
        told = self.vkeys()
        if not told:
            return ()
        name = parse_vkey(told[0]).name
        signers: list[NoteSigner] = [
            Ed25519Cosigner(name, read_ed25519(self._keys / "witness.pem", passphrase)),
            MlDsa44Signer(name, read_mldsa44(self._keys / "witness-mldsa44.pem", passphrase)),
        ]
        if [each.vkey for each in signers] != told:
            raise KeyFileError(f"{self.folder / 'vkeys'} is not what the witness's keys give; put the right files back")
        return signers

    def trust(self, content: bytes) -> Trust:
        """Witnesses one more log from now on, or the same with other keys."""
        trust = parse_trust(content)
        if not any(each.purpose == "checkpoint" for each in trust.keys):
            raise NoteError("the trust file has no key for checkpoints")
        path = self.folder / "logs" / f"{sha256(trust.origin.encode()).hexdigest()[:32]}.json"
        path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
        draft = path.with_suffix(".new")
        draft.write_bytes(trust.encode())
        draft.replace(path)
        return trust

    def logs(self) -> Mapping[str, Trust]:
        """The logs we witness, by origin; read again when a file changed. Raises `NoteError`."""
        found = [(path, path.stat()) for path in sorted(self.folder.glob("logs/*.json"))]
        seen = tuple((path.name, each.st_mtime_ns, each.st_size) for path, each in found)
        if seen != self._seen:
            trusts = [parse_trust(_read(path)) for path, _ in found]
            logs = {each.origin: each for each in trusts}
            if len(logs) != len(trusts):
                raise NoteError("two files of witness/logs are about one log")
            self._logs, self._seen = logs, seen
        return self._logs

    def trusted(self, origin: str) -> Trust | None:
        """What is trusted of a log that we witness; None for any other."""
        return self.logs().get(origin)


def check_policy(content: bytes) -> Policy:
    """A policy whose addresses can be used. Raises `WitnessError`."""
    policy = parse_policy(content)
    for member in policy.witnesses:
        if member.url and not is_address(member.url):
            raise WitnessError(f"the address of {member.name!a} is not https; http is for this machine alone")
    return policy


def is_address(url: str) -> bool:
    """Whether a witness may be reached there: https, or http on this machine; no user, query or fragment."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return False
    if not url.isprintable() or not host or parts.username is not None or parts.query or parts.fragment:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and host in _LOOPBACK)


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_LARGEST)
