"""Checkpoints: their text, and the two signatures that ours carry."""

from base64 import b64encode
from datetime import UTC, datetime
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey, MLDSA44PublicKey
from hypothesis import given
from hypothesis import strategies as st

from audit import checkpoint, note
from audit.checkpoint import Checkpoint, MlDsa44Signer, MlDsa44Verifier, open_signed, parse, peek, sign
from audit.errors import NoteError
from tests.audit.make import AT, LOG_SIGNERS, ORIGIN, an_ed25519_signer, an_ml_dsa_signer

ROOT = sha256(b"root").digest()
ONE = Checkpoint(ORIGIN, 20852163, ROOT)
VERIFIERS = [checkpoint.verifier(signer.vkey) for signer in LOG_SIGNERS]
# The example of the C2SP specification.
EXAMPLE = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"


def test_the_published_example_is_read() -> None:
    read = parse(EXAMPLE)

    assert (read.origin, read.size, read.extensions) == ("example.com/behind-the-sofa", 20852163, ())
    assert read.text() == EXAMPLE


def test_extension_lines_are_kept() -> None:
    assert parse(EXAMPLE + "more\n").extensions == ("more",)
    assert parse(EXAMPLE + "more\n").text() == EXAMPLE + "more\n"


LINE = EXAMPLE.splitlines()[2]
MALFORMED = {
    "nothing": "",
    "two lines": "origin\n1\n",
    "no last line end": EXAMPLE[:-1],
    "an empty origin": f"\n1\n{LINE}\n",
    "an empty extension": EXAMPLE + "\n",
    "a leading zero": f"origin\n01\n{LINE}\n",
    "a sign": f"origin\n+1\n{LINE}\n",
    "a negative size": f"origin\n-1\n{LINE}\n",
    "no number": f"origin\none\n{LINE}\n",
    "digits of another script": f"origin\n１\n{LINE}\n",
    "2^63": f"origin\n{2**63}\n{LINE}\n",
    "a very long number": f"origin\n{'1' * 5000}\n{LINE}\n",
    "a short root": "origin\n1\nAAAA\n",
    "no base64": f"origin\n1\n{LINE[:-1]}*\n",
}


@pytest.mark.parametrize("text", MALFORMED.values(), ids=MALFORMED.keys())
def test_what_is_nearly_a_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(NoteError):
        parse(text)


@given(st.text(max_size=60))
def test_any_text_is_refused_politely(text: str) -> None:
    with pytest.raises(NoteError):
        parse(text)


def test_ours_carry_both_signatures() -> None:
    content = sign(ONE, LOG_SIGNERS, AT)

    opened = open_signed(content, VERIFIERS)

    assert opened.checkpoint == ONE == peek(content)
    assert opened.signed_by == {signer.vkey for signer in LOG_SIGNERS}
    assert len(content) < 4096


def test_ml_dsa_signs_the_message_of_tlog_cosignature() -> None:
    """The message is written out here by hand, after the specification's structure."""
    key = MLDSA44PrivateKey.from_seed_bytes(b"s" * 32)
    at = datetime(2023, 3, 20, 15, 12, 27, 999999, tzinfo=UTC)

    blob = MlDsa44Signer("witness.example.com/w1", key).sign(EXAMPLE, at)

    public = key.public_key().public_bytes_raw()
    message = (
        b"subtree/v1\n\0"
        b"\x16witness.example.com/w1"
        b"\x00\x00\x00\x00\x64\x18\x77\xdb"
        b"\x1bexample.com/behind-the-sofa"
        b"\x00\x00\x00\x00\x00\x00\x00\x00"
        b"\x00\x00\x00\x00\x01\x3e\x2d\xc3"
    ) + note.from_base64(LINE)
    assert blob[:4] == sha256(b"witness.example.com/w1\n\x06" + public).digest()[:4]
    assert int.from_bytes(blob[4:12], "big") == 1679325147
    assert len(blob) == 4 + 8 + 2420
    MLDSA44PublicKey.from_public_bytes(public).verify(blob[12:], message)


@given(st.integers(0, 2431), st.integers(0, 7))
def test_no_changed_ml_dsa_signature_holds(place: int, bit: int) -> None:
    signer = an_ml_dsa_signer()
    blob = bytearray(signer.sign(ONE.text(), AT)[4:])
    blob[place % len(blob)] ^= 1 << bit

    assert not MlDsa44Verifier(note.parse_vkey(signer.vkey)).verify(ONE.text(), bytes(blob))


@pytest.mark.parametrize(
    "blob", [b"", b"\xff" * 2428, bytes(8)], ids=["nothing", "after the end of time", "time alone"]
)
def test_what_is_no_ml_dsa_signature_does_not_hold(blob: bytes) -> None:
    assert not MlDsa44Verifier(note.parse_vkey(an_ml_dsa_signer().vkey)).verify(ONE.text(), blob)


def test_ml_dsa_signs_checkpoints_only() -> None:
    signer = an_ml_dsa_signer()

    with pytest.raises(NoteError):
        note.sign("no checkpoint\n", [signer], AT)
    assert not MlDsa44Verifier(note.parse_vkey(signer.vkey)).verify("no checkpoint\n", bytes(2428))


def test_a_name_of_more_than_255_bytes_is_not_signed_for() -> None:
    with pytest.raises(NoteError, match="1 to 255"):
        sign(ONE, [an_ml_dsa_signer("n" * 256)], AT)


def test_another_size_under_the_same_signatures_is_refused() -> None:
    content = sign(ONE, LOG_SIGNERS, AT).replace(b"20852163", b"20852164")

    with pytest.raises(NoteError, match="does not hold"):
        open_signed(content, VERIFIERS)


@pytest.mark.parametrize("algorithm", [0x02, 0x04, 0x05])
def test_a_key_of_another_type_is_refused(algorithm: int) -> None:
    with pytest.raises(NoteError, match="of a type"):
        checkpoint.verifier(str(note.make_vkey("name", algorithm, bytes(32))))


def test_a_key_that_is_none_is_refused() -> None:
    for algorithm in (0x01, 0x06):
        with pytest.raises(NoteError, match="is not an"):
            checkpoint.verifier(str(note.make_vkey("name", algorithm, b"short")))


def test_signer_and_verifier_agree_on_the_key() -> None:
    for signer in (an_ed25519_signer(), an_ml_dsa_signer()):
        verifier = checkpoint.verifier(signer.vkey)

        assert (verifier.vkey, verifier.name) == (signer.vkey, signer.name)
        assert (
            f"+{verifier.key_id.hex()}+{b64encode(bytes([note.parse_vkey(signer.vkey).algorithm])).decode()[:1]}"
            in signer.vkey
        )
