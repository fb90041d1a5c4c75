"""Signed notes, verifier keys and checkpoints (C2SP signed-note, tlog-checkpoint, tlog-cosignature)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from audit.standalone.canonical import from_base64
from audit.standalone.hashes import sha256
from audit.standalone.sm2 import SM2_LABEL, sm2_verify
from audit.standalone.verdicts import MissingError, WrongError

MAX_NOTE_BYTES, MAX_SIGNATURES, HASH = 1_000_000, 64, 32
ED25519, COSIGNED_ED25519, ML_DSA_44, OTHER = 0x01, 0x04, 0x06, 0xFF
LACKING = "本机的 cryptography 不支持此算法 / this cryptography lacks the algorithm"
_DASH = "\u2014 "


@dataclass(frozen=True)
class VKey:
    """A verifier key."""

    text: str
    name: str
    id: bytes
    kind: int
    public: bytes

    def signed(self, note: str, blob: bytes) -> bool:
        """Tell whether this is the key's signature over the note. `MissingError` if that cannot be computed."""
        try:
            return self._signed(note, blob)
        except (InvalidSignature, ValueError, WrongError):
            return False
        except UnsupportedAlgorithm as error:
            raise MissingError(LACKING) from error

    def _signed(self, note: str, blob: bytes) -> bool:
        if self.kind == ED25519:
            Ed25519PublicKey.from_public_bytes(self.public).verify(blob, note.encode())
            return True
        if self.kind == OTHER:
            return sm2_verify(self.public.removeprefix(SM2_LABEL), note.encode(), blob)
        seconds = int.from_bytes(blob[:8], "big")
        if seconds >= 2**63:
            return False
        if self.kind == COSIGNED_ED25519:
            told = f"cosignature/v1\ntime {seconds}\n{note}"
            Ed25519PublicKey.from_public_bytes(self.public).verify(blob[8:], told.encode())
            return True
        return _ml_dsa_signed(self.public, blob[8:], _cosigned(self.name, seconds, parse_checkpoint(note)))


def _ml_dsa_signed(public: bytes, signature: bytes, message: bytes) -> bool:
    try:
        from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey  # noqa: PLC0415  # newer than the rest
    except ImportError as error:
        raise MissingError("核验 ML-DSA-44 需要 cryptography 48 以上 / ML-DSA-44 needs cryptography 48") from error
    MLDSA44PublicKey.from_public_bytes(public).verify(signature, message)
    return True


def _cosigned(name: str, seconds: int, told: Checkpoint) -> bytes:
    sizes = bytes(8) + told.size.to_bytes(8, "big")
    return b"subtree/v1\n\0" + _short(name) + seconds.to_bytes(8, "big") + _short(told.origin) + sizes + told.root


def _short(name: str) -> bytes:
    return bytes([len(name.encode())]) + name.encode()


def key_id(name: str, kind: int, public: bytes) -> bytes:
    """Name a key by four bytes."""
    return sha256(name.encode() + b"\n" + bytes([kind]) + public)[:4]


def parse_vkey(encoded: str) -> VKey:
    """Read a verifier key. Raise `WrongError`."""
    parts = encoded.split("+", 2)
    material = from_base64(parts[2]) if len(parts) == 3 else b""
    if len(material) < 2 or not _is_name(parts[0]):
        raise WrongError("不是公钥（vkey）/ not a verifier key")
    name, kind, public = parts[0], material[0], material[1:]
    if parts[1] != key_id(name, kind, public).hex():
        raise WrongError("公钥编号与名称、内容不符 / the id of a verifier key does not follow from name and key")
    sizes = {ED25519: 32, COSIGNED_ED25519: 32, ML_DSA_44: 1312, OTHER: len(SM2_LABEL) + 65}
    if sizes.get(kind) != len(public) or (kind == OTHER and not public.startswith(SM2_LABEL)):
        raise WrongError("公钥类型未知 / a verifier key of a type that is not known here")
    return VKey(encoded, name, key_id(name, kind, public), kind, public)


def _is_name(name: str) -> bool:
    return bool(name) and "+" not in name and name.isprintable() and not any(each.isspace() for each in name)


@dataclass(frozen=True)
class Note:
    """A note, taken apart and not verified: its text, and name, key id and signature of each line."""

    text: str
    lines: tuple[tuple[str, bytes, bytes], ...]

    def signed_by(self, keys: Sequence[VKey]) -> set[str]:
        """Return which of these keys signed; unknown signatures are ignored. Raise `WrongError` for a false one."""
        known = {(key.name, key.id): key for key in keys}
        if len(known) != len(keys):
            raise WrongError("两把公钥同名同编号 / two verifier keys have one name and id")
        held: set[str] = set()
        for name, number, blob in self.lines:
            key = known.get((name, number))
            if key is None:
                continue
            if not key.signed(self.text, blob):
                raise WrongError(f"以 {name} 名义所作签名不成立 / a signature in the name of {name} does not hold")
            held.add(key.text)
        return held


def parse_note(content: bytes) -> Note:
    """Take a note apart. Raise `WrongError` for anything but the exact format."""
    try:
        whole = content.decode()
    except UnicodeDecodeError as error:
        raise WrongError("签名文本不是 UTF-8 / a note is UTF-8") from error
    body, blank, rest = whole.rpartition("\n\n")
    rows = rest.removesuffix("\n").split("\n")
    if len(content) > MAX_NOTE_BYTES or any(c < " " and c != "\n" for c in whole) or not blank:
        raise WrongError("不是签名文本 / not a signed note")
    if not rest.endswith("\n") or not 1 <= len(rows) <= MAX_SIGNATURES:
        raise WrongError("不是签名文本 / not a signed note")
    return Note(body + "\n", tuple(map(_signature_line, rows)))


def _signature_line(line: str) -> tuple[str, bytes, bytes]:
    name, _, encoded = line.removeprefix(_DASH).partition(" ")
    blob = from_base64(encoded)
    if not line.startswith(_DASH) or not _is_name(name) or len(blob) <= 4:
        raise WrongError("签名行格式不对 / a signature line of another form")
    return name, blob[:4], blob[4:]


@dataclass(frozen=True)
class Checkpoint:
    """The log of this name had this root when it had this many entries."""

    origin: str
    size: int
    root: bytes


def parse_checkpoint(note: str) -> Checkpoint:
    """Read the text of a checkpoint. Raise `WrongError`."""
    lines = note.split("\n")
    if len(lines) < 4 or lines[-1] != "" or not all(lines[:-1]):
        raise WrongError("不是检查点 / not a checkpoint")
    root = from_base64(lines[2])
    if not re.fullmatch("0|[1-9][0-9]{0,18}", lines[1]) or int(lines[1]) >= 2**63 or len(root) != HASH:
        raise WrongError("检查点的大小或根不对 / a checkpoint with an impossible size or root")
    return Checkpoint(lines[0], int(lines[1]), root)
