"""Notes, verifier keys and checkpoints: both parsers take and refuse the same, and a false signature never holds."""

from base64 import b64decode, b64encode
from collections.abc import Callable
from hashlib import sha256

import pytest

from audit import note
from audit.checkpoint import Checkpoint, verifier
from audit.checkpoint import sign as sign_checkpoint
from audit.cosignature import add, cosign
from audit.errors import NoteError
from audit.note import Algorithm, make_vkey
from audit.standalone.notes import MAX_SIGNATURES, VKey, parse_checkpoint, parse_note, parse_vkey
from audit.standalone.sm2 import SM2_LABEL
from audit.standalone.trusting import open_checkpoint, parse_trust
from audit.standalone.verdicts import INCOMPLETE, PROVEN, TAMPERED, MissingError, Report, WrongError
from tests.audit.make import AT, LOG_SIGNERS, ORIGIN, a_checkpoint_of, a_log, a_trust, an_ed25519_signer
from tests.audit.witnesses import a_cosigner

GOOD = note.sign("log\n5\ntext\n", [LOG_SIGNERS[0]], AT)
LINE = GOOD.splitlines(keepends=True)[-1]
NOTES: dict[str, tuple[bytes, bool]] = {
    "good": (GOOD, True),
    "as many signatures as there may be": (GOOD + LINE * (MAX_SIGNATURES - 1), True),
    "one signature more": (GOOD + LINE * MAX_SIGNATURES, False),
    "no UTF-8": (GOOD.replace(b"text", b"t\xe9xt"), False),
    "a control character": (GOOD.replace(b"text", b"te\x07t"), False),
    "a carriage return": (GOOD.replace(b"text\n", b"text\r\n"), False),
    "no blank line": (GOOD.replace(b"\n\n", b"\n"), False),
    "no signature": (GOOD.removesuffix(LINE), False),
    "no last newline": (GOOD[:-1], False),
    "a hyphen for the dash": (GOOD.replace("—".encode(), b"-"), False),
    "a line without a name": (GOOD.replace(ORIGIN.encode(), b""), False),
    "a name with a plus": (GOOD.replace(ORIGIN.encode(), b"a+b"), False),
    "a key id and no signature": (GOOD.removesuffix(LINE) + f"— {ORIGIN} AAAAAA==\n".encode(), False),
    "no base64": (GOOD.replace(LINE[-9:], b"!!!!!!!!\n"), False),
    "too long": (b"x" * 1_000_001 + GOOD, False),
}


@pytest.mark.parametrize("case", NOTES)
def test_both_take_and_refuse_the_same_notes(case: str) -> None:
    content, is_one = NOTES[case]
    if is_one:
        assert parse_note(content).text == note.parse(content).text
        return

    with pytest.raises(WrongError):
        parse_note(content)
    with pytest.raises(NoteError):
        note.parse(content)


def test_two_keys_of_one_name_and_id_are_not_asked() -> None:
    key = parse_vkey(LOG_SIGNERS[0].vkey)

    with pytest.raises(WrongError, match="one name and id"):
        parse_note(GOOD).signed_by([key, key])


NAME, ID, MATERIAL = LOG_SIGNERS[0].vkey.split("+", 2)
SHORT = str(make_vkey(ORIGIN, Algorithm.ED25519, bytes(31)))
UNKNOWN = str(make_vkey(ORIGIN, 0x55, bytes(32)))
UNLABELLED = str(make_vkey(ORIGIN, Algorithm.OTHER, bytes(len(SM2_LABEL) + 65)))
VKEYS: dict[str, tuple[str, str]] = {
    "nothing": ("", "not a verifier key"),
    "two parts": (f"{NAME}+{ID}", "not a verifier key"),
    "no material": (f"{NAME}+{ID}+AQ==", "not a verifier key"),
    "no base64": (f"{NAME}+{ID}+A", "not base64"),
    "no name": (f"+{ID}+{MATERIAL}", "not a verifier key"),
    "a name with a space": (f"a b+{ID}+{MATERIAL}", "not a verifier key"),
    "another name": (f"other.example+{ID}+{MATERIAL}", "does not follow"),
    "another id": (f"{NAME}+00000000+{MATERIAL}", "does not follow"),
    "an id in capitals": (f"{NAME}+{'ABCDEF01'}+{MATERIAL}", "does not follow"),
    "another material": (f"{NAME}+{ID}+{b64encode(b64decode(MATERIAL)[:-1] + b'?').decode()}", "does not follow"),
    "too short for its type": (SHORT, "not known here"),
    "of an unknown type": (UNKNOWN, "not known here"),
    "SM2 without its label": (UNLABELLED, "not known here"),
}


@pytest.mark.parametrize("case", VKEYS)
def test_what_is_no_verifier_key_is_refused(case: str) -> None:
    encoded, cause = VKEYS[case]

    with pytest.raises(WrongError, match=cause):
        parse_vkey(encoded)
    with pytest.raises(NoteError):
        verifier(encoded)


ROOT = b64encode(bytes(32)).decode()
CHECKPOINTS: dict[str, tuple[str, bool]] = {
    "plain": (f"log\n5\n{ROOT}\n", True),
    "with extensions": (f"log\n5\n{ROOT}\nmore\n", True),
    "the largest": (f"log\n{2**63 - 1}\n{ROOT}\n", True),
    "too large": (f"log\n{2**63}\n{ROOT}\n", False),
    "a nought in front": (f"log\n05\n{ROOT}\n", False),
    "a size that is none": (f"log\nfive\n{ROOT}\n", False),
    "no root": ("log\n5\n", False),
    "half a root": (f"log\n5\n{b64encode(bytes(16)).decode()}\n", False),
    "a root that is none": ("log\n5\nroot\n", False),
    "an empty line": (f"log\n5\n{ROOT}\n\nmore\n", False),
    "no name": (f"\n5\n{ROOT}\n", False),
    "no last newline": (f"log\n5\n{ROOT}", False),
}


@pytest.mark.parametrize("case", CHECKPOINTS)
def test_what_is_no_checkpoint_is_refused(case: str) -> None:
    content, is_one = CHECKPOINTS[case]
    if is_one:
        assert parse_checkpoint(content).origin == "log"
        return

    with pytest.raises(WrongError):
        parse_checkpoint(content)


SIGNED = a_checkpoint_of(a_log(5))
TEXT = parse_note(SIGNED).text
WITNESS = a_cosigner("w")
KEYS = {
    "Ed25519": parse_vkey(LOG_SIGNERS[0].vkey),
    "ML-DSA-44": parse_vkey(LOG_SIGNERS[1].vkey),
    "a cosignature": parse_vkey(WITNESS.vkey),
}
BLOBS = {
    name: next(blob for signer, number, blob in parse_note(content).lines if (signer, number) == (key.name, key.id))
    for (name, key), content in zip(
        KEYS.items(), (SIGNED, SIGNED, add(SIGNED, cosign(SIGNED, [WITNESS], AT))), strict=True
    )
}
BLOB_CHANGES: dict[str, Callable[[bytes], bytes]] = {
    "another byte": lambda blob: blob[:-1] + bytes([blob[-1] ^ 1]),
    "a byte less": lambda blob: blob[:-1],
    "nothing": lambda blob: b"",
    "a time beyond all times": lambda blob: b"\xff" * 8 + blob[8:],
}


@pytest.mark.parametrize("kind", KEYS)
def test_a_signature_holds_over_its_text_alone(kind: str) -> None:
    key, blob = KEYS[kind], BLOBS[kind]

    assert key.signed(TEXT, blob)
    assert not key.signed(TEXT.replace("5", "6"), blob)
    for change in BLOB_CHANGES.values():
        assert not key.signed(TEXT, change(blob))


def test_a_key_that_is_no_point_signs_nothing() -> None:
    twisted = VKey("", "log", b"", 0x01, b"\x02" + bytes(31))

    assert not twisted.signed(TEXT, bytes(64))


def test_a_signature_over_what_is_no_checkpoint_is_no_ml_dsa_signature() -> None:
    assert not KEYS["ML-DSA-44"].signed("no checkpoint\n", BLOBS["ML-DSA-44"])


def test_a_name_too_long_for_a_cosignature_signs_nothing() -> None:
    key = KEYS["ML-DSA-44"]
    renamed = VKey("", "x" * 256, b"", key.kind, key.public)

    assert not renamed.signed(TEXT, BLOBS["ML-DSA-44"])


TRUST = parse_trust(a_trust().encode())
STRANGER = an_ed25519_signer("stranger.example", "stranger")
OPENED: dict[str, tuple[bytes, int]] = {
    "good": (SIGNED, PROVEN),
    "no note": (b"rubbish", TAMPERED),
    "signed by a stranger": (sign_checkpoint(Checkpoint(ORIGIN, 5, bytes(32)), [STRANGER], AT), INCOMPLETE),
    "signed by one key of two": (sign_checkpoint(Checkpoint(ORIGIN, 5, bytes(32)), LOG_SIGNERS[:1], AT), INCOMPLETE),
    "of another log": (sign_checkpoint(Checkpoint("other.example", 5, bytes(32)), LOG_SIGNERS, AT), TAMPERED),
    "no checkpoint, but signed": (note.sign("log\n", LOG_SIGNERS[:1], AT), TAMPERED),
}


@pytest.mark.parametrize("case", OPENED)
def test_a_checkpoint_is_believed_when_a_trusted_key_signed_it(case: str) -> None:
    content, verdict = OPENED[case]
    report = Report(size=1)

    told = open_checkpoint(content, TRUST, report)

    assert report.verdict == verdict
    assert (told is not None) == (case in {"good", "signed by one key of two"})


@pytest.mark.usefixtures("without_ml_dsa")
def test_without_the_algorithm_evidence_is_missing_and_nothing_is_called_false() -> None:
    report = Report(size=1)

    with pytest.raises(MissingError, match="cryptography 48"):
        KEYS["ML-DSA-44"].signed(TEXT, BLOBS["ML-DSA-44"])
    assert open_checkpoint(SIGNED, TRUST, report) is None
    assert report.verdict == INCOMPLETE


@pytest.mark.usefixtures("without_ed25519")
def test_without_ed25519_too() -> None:
    with pytest.raises(MissingError, match="lacks the algorithm"):
        KEYS["Ed25519"].signed(TEXT, BLOBS["Ed25519"])


def test_key_ids_are_four_bytes_of_a_digest() -> None:
    key = KEYS["Ed25519"]

    assert key.id == sha256(key.name.encode() + b"\n" + bytes([key.kind]) + key.public).digest()[:4]
