"""SM2 signatures of notes: the published example, our key form, and agreement with the verifier that ships alone."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit import checkpoint, note
from audit.checkpoint import Checkpoint
from audit.errors import NoteError, SuiteError
from audit.note import Algorithm, VKey, make_vkey, parse_vkey
from audit.sm2 import KEY_BYTES, LABEL, Sm2Key, Sm2Signer, Sm2Verifier, make_key, read_key
from audit.standalone.sm2 import sm2_verify

AT = datetime(2026, 1, 1, tzinfo=UTC)
NAME = "bidui.example/audit/2026-1"


@cache
def a_key() -> Sm2Key:
    return make_key()


def verifier(signer: Sm2Signer) -> Sm2Verifier:
    return Sm2Verifier(parse_vkey(signer.vkey))


def test_the_published_example_holds() -> None:
    """GB/T 32918.5, annex A.2: key, message and signature."""
    public = bytes.fromhex(
        "09F9DF311E5421A150DD7D161E4BC5C672179FAD1833FC076BB08FF356F35020"
        "CCEA490CE26775A52DC6EA718CC1AA600AED05FBF35E084A6632F6072DA9AD13"
    )
    signature = bytes.fromhex(
        "F5A03B0648D2C4630EEAC513E1BB81A15944DA3827D5B74143AC7EACEEE720B3"
        "B1B6AA29DF212FD8763182BC0D421CA1BB9038FD1F7F42D4840B69C485BBC1AA"
    )
    held = Sm2Verifier(make_vkey(NAME, Algorithm.OTHER, LABEL + b"\x04" + public))

    assert held.verify("message digest", signature)
    assert sm2_verify(b"\x04" + public, b"message digest", signature)
    assert not held.verify("message digesT", signature)


def test_a_checkpoint_is_signed_and_opened() -> None:
    signer = Sm2Signer(NAME, a_key())
    told = Checkpoint(NAME, 7, bytes(32))

    signed = checkpoint.sign(told, [signer], AT)

    opened = checkpoint.open_signed(signed, [checkpoint.verifier(signer.vkey)])
    assert (opened.checkpoint, opened.signed_by) == (told, frozenset({signer.vkey}))
    with pytest.raises(NoteError):
        checkpoint.open_signed(signed.replace(b"\n7\n", b"\n8\n"), [checkpoint.verifier(signer.vkey)])


@settings(max_examples=10)
@given(text=st.text(st.characters(codec="utf-8"), min_size=1, max_size=60), at=st.integers(0, 511))
def test_two_implementations_agree(text: str, at: int) -> None:
    signer = Sm2Signer(NAME, a_key())
    signature = bytearray(signer.sign(text)[4:])
    point = b"\x04" + a_key().public

    assert verifier(signer).verify(text, bytes(signature))
    assert sm2_verify(point, text.encode(), bytes(signature))
    signature[at // 8] ^= 1 << (at % 8)
    assert not verifier(signer).verify(text, bytes(signature))
    assert not sm2_verify(point, text.encode(), bytes(signature))


WRONG_KEYS: dict[str, bytes] = {
    "no label": b"\x04" + bytes(64),
    "a compressed point": LABEL + b"\x02" + bytes(32),
    "half a point": LABEL + b"\x04" + bytes(32),
    "another label": b"bidui-sm2/2\n\x04" + bytes(64),
}


@pytest.mark.parametrize("public", WRONG_KEYS.values(), ids=WRONG_KEYS)
def test_what_is_no_key_of_this_type_is_refused(public: bytes) -> None:
    with pytest.raises(NoteError):
        checkpoint.verifier(str(make_vkey(NAME, Algorithm.OTHER, public)))


@pytest.mark.parametrize("signature", [b"", bytes(63), bytes(64), b"\xff" * 64, bytes(65)], ids=len)
def test_what_is_no_signature_does_not_hold(signature: bytes) -> None:
    assert not verifier(Sm2Signer(NAME, a_key())).verify("text\n", signature)


def test_a_point_off_the_curve_signs_nothing() -> None:
    key = VKey(NAME, b"0000", Algorithm.OTHER, LABEL + b"\x04" + b"\x01" * 64)

    assert not Sm2Verifier(key).verify("text\n", Sm2Signer(NAME, a_key()).sign("text\n")[4:])


def test_a_key_file_is_read_back_and_does_not_show_itself() -> None:
    key = a_key()

    assert read_key(key.content) == key
    assert len(key.content) == KEY_BYTES
    assert key.private.hex() not in repr(key)
    with pytest.raises(NoteError):
        read_key(key.content[:-1])


def test_other_keys_of_a_note_are_ignored() -> None:
    signed = note.sign("text\n", [Sm2Signer("other.example", make_key()), Sm2Signer(NAME, a_key())], AT)

    assert note.verified(note.parse(signed), [verifier(Sm2Signer(NAME, a_key()))])


def test_without_the_library_it_is_told_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gmssl_pyx", None)

    with pytest.raises(SuiteError, match="pip install"):
        make_key()
