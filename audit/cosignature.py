"""Cosignatures (C2SP tlog-cosignature): a witness says that, at a time, this was the largest tree it knew of a log.

A witness here signs with Ed25519 (type 0x04) and with ML-DSA-44 (type 0x06, in `audit.checkpoint`); either counts.
What it signs is the text of the checkpoint, so cosignatures can be gathered one by one and added to the note.
"""

from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from audit import note
from audit.checkpoint import MlDsa44Verifier, parse
from audit.errors import NoteError, UnsignedError
from audit.note import Algorithm, NoteSigner, NoteVerifier, Signature, VKey

CLOCKS_DIFFER = timedelta(minutes=5)
"""How far a witness's clock may be ahead of ours."""
MAX_LINES_BYTES = 64 * 1024
_HEADER = "cosignature/v1\n"
_TIME_BYTES = 8
_MAX_TIME = 2**63 - 1


class Ed25519Cosigner:
    """Cosigns checkpoints with Ed25519 (type 0x04). Its message does not hold the name: a key has one name only."""

    def __init__(self, name: str, key: Ed25519PrivateKey) -> None:
        """Take the witness's name, without spaces and plus signs, and its key."""
        vkey = note.make_vkey(name, Algorithm.ED25519_COSIGNATURE, key.public_key().public_bytes_raw())
        self.name, self.vkey = name, str(vkey)
        self._key_id, self._key = vkey.key_id, key

    def sign(self, text: str, at: datetime) -> bytes:
        """Return key id, time and signature. Raise `NoteError` when the text is no checkpoint."""
        parse(text)
        seconds = _seconds(at)
        return self._key_id + seconds.to_bytes(_TIME_BYTES, "big") + self._key.sign(_message(seconds, text))


class Ed25519CosignatureVerifier:
    """Checks Ed25519 cosignatures (type 0x04)."""

    def __init__(self, vkey: VKey) -> None:
        """Take a parsed verifier key of this type."""
        self.vkey, self.name, self.key_id = str(vkey), vkey.name, vkey.key_id
        try:
            self._key = Ed25519PublicKey.from_public_bytes(vkey.public)
        except ValueError as error:
            raise NoteError(f"the verifier key of {vkey.name} is not an Ed25519 key") from error

    def verify(self, text: str, signature: bytes) -> bool:
        """Tell whether this is the key's cosignature of the checkpoint in the text."""
        seconds = int.from_bytes(signature[:_TIME_BYTES], "big")
        if seconds > _MAX_TIME:
            return False
        try:
            parse(text)
            self._key.verify(signature[_TIME_BYTES:], _message(seconds, text))
        except (InvalidSignature, NoteError):
            return False
        return True


def cosigner_verifier(text: str) -> NoteVerifier:
    """Make the verifier for a witness's key. Raise `NoteError` for types that are no cosignatures."""
    key = note.parse_vkey(text)
    match key.algorithm:
        case Algorithm.ED25519_COSIGNATURE:
            return Ed25519CosignatureVerifier(key)
        case Algorithm.ML_DSA_44:
            return MlDsa44Verifier(key)
        case _:
            raise NoteError(f"the verifier key of {key.name} is of a type that witnesses do not sign with")


def cosign(content: bytes, signers: Sequence[NoteSigner], at: datetime) -> tuple[Signature, ...]:
    """Sign the text of a checkpoint once more. Whether it may be signed was decided before."""
    if _seconds(at) <= 0 or not signers:
        raise NoteError("a cosignature needs a time and a key")
    text = note.parse(content).text
    return tuple(_signature(signer.name, signer.sign(text, at)) for signer in signers)


def write_lines(signatures: Iterable[Signature]) -> bytes:
    """Write signature lines, as a witness answers them."""
    return "".join(
        f"\u2014 {each.name} {b64encode(each.key_id + each.blob).decode()}\n" for each in signatures
    ).encode()


def read_lines(content: bytes) -> tuple[Signature, ...]:
    """Read signature lines. Raise `NoteError` for anything but one or more of them, in the exact format."""
    if not content or len(content) > MAX_LINES_BYTES or b"\n\n" in content:
        raise NoteError("a witness answers with one or more signature lines")
    return note.parse(b"\n\n" + content).signatures


def holding(
    text: str, signatures: Iterable[Signature], verifiers: Sequence[NoteVerifier], now: datetime
) -> Mapping[str, Signature]:
    """Return the cosignatures of known witnesses, by verifier key; those of unknown keys are ignored.

    Raise `NoteError` when one in a known name does not hold, names no time or one ahead of us; `UnsignedError` when
    no known witness cosigned.
    """
    known = {(verifier.name, verifier.key_id): verifier for verifier in verifiers}
    held: dict[str, Signature] = {}
    for each in signatures:
        verifier = known.get((each.name, each.key_id))
        if verifier is None:
            continue
        if not verifier.verify(text, each.blob):
            raise NoteError(f"the cosignature in the name of {each.name} does not hold")
        if not 0 < _time(each) <= (now + CLOCKS_DIFFER).timestamp():
            raise NoteError(f"the cosignature in the name of {each.name} has no time, or one that is yet to come")
        held[verifier.vkey] = each
    if not held:
        raise UnsignedError("no known witness cosigned")
    return held


def time_of(signature: Signature) -> datetime:
    """Return when a cosignature says it was made; good for one that `holding` let through."""
    return datetime.fromtimestamp(_time(signature), UTC)


def add(content: bytes, signatures: Iterable[Signature]) -> bytes:
    """Add signatures to a note; one takes the place of an older one by the same key."""
    parts = note.parse(content)
    lines = {(each.name, each.key_id): each for each in (*parts.signatures, *signatures)}
    added = (parts.text + "\n").encode() + write_lines(lines.values())
    note.parse(added)
    return added


def only(content: bytes, verifiers: Sequence[NoteVerifier]) -> bytes:
    """Leave out the signatures of other keys. Raise `NoteError` when none is left."""
    parts = note.parse(content)
    known = {(verifier.name, verifier.key_id) for verifier in verifiers}
    kept = [each for each in parts.signatures if (each.name, each.key_id) in known]
    left = (parts.text + "\n").encode() + write_lines(kept)
    note.parse(left)
    return left


def _signature(name: str, signed: bytes) -> Signature:
    return Signature(name, signed[:4], signed[4:])


def _time(signature: Signature) -> int:
    return int.from_bytes(signature.blob[:_TIME_BYTES], "big")


def _seconds(at: datetime) -> int:
    return int(at.timestamp())


def _message(seconds: int, text: str) -> bytes:
    return f"{_HEADER}time {seconds}\n{text}".encode()
