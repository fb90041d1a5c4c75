"""Cosignatures: the published form, and what of a witness's answer is believed."""

from base64 import b64encode
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from audit import checkpoint, note
from audit.checkpoint import Checkpoint
from audit.cosignature import (
    Ed25519Cosigner,
    add,
    cosign,
    cosigner_verifier,
    holding,
    only,
    read_lines,
    time_of,
    write_lines,
)
from audit.errors import NoteError, UnsignedError
from audit.note import Signature
from tests.audit.make import AT, LOG_SIGNERS, ORIGIN, an_ml_dsa_signer
from tests.audit.witnesses import a_cosigner

# The example of the C2SP specification: a checkpoint with the cosignature of a witness whose key is not published.
EXAMPLE = (
    "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n"
    "— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE"
    "+xeMcTOAYQ8=\n"
    "— witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe"
    "+mbIUBkBIfZ+qnA==\n"
).encode()
ANSWER = (
    "— witness.example/w1 CMp+6LWBU0anHGH5aNDTJkH/gj79sG+T6+iP2ThYN5krrDJbR1HDnucjL39QsZTSvVjyQLrdk3DXDqI5G2HgLatVs0pW"
    "h6Up69HVOw==\n"
    "— witness.example/w1 I7rEps0pvK2UqkS2gSpVUDhrhVtQV9lgF6pRrWAvjJHjyWpW7VcE3SiOlVlbQNt64vWhO+DlkL0+UfzuOBMh9ChdMkP1"
    "vi/lCAsmlw==\n"
    "— witness.example/w2 AWui8Sk55XjYLOijihBjhqEH6nS1ndDymE0a+6idX7pLcnoB+dhnz0854aLZgrrKbYKA7nC3HNJhm/kWl7oJlqU3rXXv"
    "pysAdyP3wQ==\n"
).encode()
ONE = checkpoint.sign(Checkpoint(ORIGIN, 7, sha256(b"root").digest()), LOG_SIGNERS, AT)
TEXT = note.parse(ONE).text
W1, W2 = a_cosigner("witness.example/w1"), an_ml_dsa_signer("witness.example/w2", "w2")
KNOWN = [cosigner_verifier(W1.vkey), cosigner_verifier(W2.vkey)]


def test_the_published_example_has_the_size_and_time_that_it_is_published_with() -> None:
    cosignature = note.parse(EXAMPLE).signatures[1]

    assert (cosignature.name, len(cosignature.blob)) == ("witness.example.com/w1", 8 + 64)
    assert time_of(cosignature) == datetime(2023, 3, 20, 12, 25, 47, tzinfo=UTC)  # 1679315147, as the message says
    assert add(EXAMPLE, note.parse(EXAMPLE).signatures) == EXAMPLE


def test_the_published_answer_is_read_and_written_again() -> None:
    lines = read_lines(ANSWER)

    assert [each.name for each in lines] == ["witness.example/w1", "witness.example/w1", "witness.example/w2"]
    assert write_lines(lines) == ANSWER


def test_ed25519_signs_the_message_of_the_specification() -> None:
    key = Ed25519PrivateKey.from_private_bytes(b"w" * 32)
    text = note.parse(EXAMPLE).text

    signed = Ed25519Cosigner("witness.example.com/w1", key).sign(text, datetime.fromtimestamp(1679315147.9, UTC))

    public = key.public_key().public_bytes_raw()
    message = (
        b"cosignature/v1\ntime 1679315147\nexample.com/behind-the-sofa\n20852163\n"
        b"CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
    )
    assert signed[:4] == sha256(b"witness.example.com/w1\n\x04" + public).digest()[:4]
    assert signed[4:12] == (1679315147).to_bytes(8, "big")
    Ed25519PublicKey.from_public_bytes(public).verify(signed[12:], message)


def test_cosignatures_are_added_and_believed() -> None:
    signatures = cosign(ONE, [W1, W2], AT)

    note_of_all = add(ONE, signatures)

    held = holding(TEXT, note.parse(note_of_all).signatures, KNOWN, AT)
    assert held.keys() == {W1.vkey, W2.vkey}
    assert {time_of(each) for each in held.values()} == {AT.replace(microsecond=0)}
    assert checkpoint.open_signed(note_of_all, [checkpoint.verifier(each.vkey) for each in LOG_SIGNERS])


def test_a_later_cosignature_takes_the_place_of_the_earlier() -> None:
    later = AT + timedelta(hours=1)

    both = add(add(ONE, cosign(ONE, [W1], AT)), cosign(ONE, [W1], later))

    assert len(note.parse(both).signatures) == 3
    (held,) = holding(TEXT, note.parse(both).signatures, KNOWN, later).values()
    assert time_of(held) == later.replace(microsecond=0)


def test_signatures_of_others_can_be_left_out() -> None:
    log = [checkpoint.verifier(each.vkey) for each in LOG_SIGNERS]

    assert only(add(ONE, cosign(ONE, [W1], AT)), log) == ONE
    with pytest.raises(NoteError):
        only(ONE, KNOWN)


def a_line(at: datetime = AT, text: bytes = ONE) -> Signature:
    return cosign(text, [W1], at)[0]


WRONG = {
    "of another checkpoint": a_line(text=ONE.replace(b"\n7\n", b"\n8\n")),
    "changed in its last bit": a_line()._replace(blob=a_line().blob[:-1] + bytes([a_line().blob[-1] ^ 1])),
    "with another time": a_line()._replace(blob=bytes(7) + b"\x01" + a_line().blob[8:]),
    "after the end of time": a_line()._replace(blob=b"\xff" * 72),
    "cut off": a_line()._replace(blob=a_line().blob[:40]),
    "ahead of us": a_line(AT + timedelta(minutes=6)),
    "without a time": Signature(
        W1.name,
        W1.sign(TEXT, datetime.fromtimestamp(0, UTC))[:4],
        W1.sign(TEXT, datetime.fromtimestamp(0, UTC))[4:],
    ),
}


@pytest.mark.parametrize("line", WRONG.values(), ids=WRONG.keys())
def test_a_wrong_cosignature_in_a_known_name_is_refused(line: Signature) -> None:
    with pytest.raises(NoteError):
        holding(TEXT, [*cosign(ONE, [W2], AT), line], KNOWN, AT)


def test_what_strangers_sign_counts_for_nothing() -> None:
    strangers = [a_cosigner("witness.example/w1", "another key"), a_cosigner("witness.example/w9")]

    with pytest.raises(UnsignedError):
        holding(TEXT, cosign(ONE, strangers, AT), KNOWN, AT)
    assert holding(TEXT, cosign(ONE, [*strangers, W1], AT), KNOWN, AT).keys() == {W1.vkey}


def test_the_keys_of_the_log_are_no_witnesses() -> None:
    with pytest.raises(NoteError, match="witnesses do not sign with"):
        cosigner_verifier(LOG_SIGNERS[0].vkey)


def test_an_ed25519_key_is_of_32_bytes() -> None:
    with pytest.raises(NoteError, match="is not an Ed25519 key"):
        cosigner_verifier(str(note.make_vkey("name", 0x04, b"short")))


@pytest.mark.parametrize("at", [datetime.fromtimestamp(0, UTC), datetime.fromtimestamp(-5, UTC)])
def test_nothing_is_cosigned_without_a_time(at: datetime) -> None:
    with pytest.raises(NoteError, match="needs a time"):
        cosign(ONE, [W1], at)
    with pytest.raises(NoteError, match="a key"):
        cosign(ONE, [], AT)


def test_no_note_but_a_checkpoint_is_cosigned() -> None:
    other = b"no checkpoint\n\n" + write_lines(note.parse(ONE).signatures)

    with pytest.raises(NoteError):
        cosign(other, [W1], AT)
    assert not cosigner_verifier(W1.vkey).verify("no checkpoint\n", bytes(72))


LINE = ANSWER.splitlines(keepends=True)[0]
NO_LINES = {
    "nothing": b"",
    "a newline": b"\n",
    "no newline at the end": LINE[:-1],
    "a blank line between": LINE + b"\n" + LINE,
    "text before": b"hello\n" + LINE,
    "no UTF-8": b"\xff" + LINE,
    "a carriage return": LINE[:-1] + b"\r\n",
    "another dash": LINE.replace("—".encode(), b"-"),
    "no signature": "— witness.example/w1 AAAAAA==\n".encode(),
    "65 lines": LINE * 65,
    "a megabyte": LINE * 9000,
}


@pytest.mark.parametrize("content", NO_LINES.values(), ids=NO_LINES.keys())
def test_what_is_nearly_an_answer_is_refused(content: bytes) -> None:
    with pytest.raises(NoteError):
        read_lines(content)


@given(st.binary(max_size=300))
def test_any_bytes_are_refused_politely(content: bytes) -> None:
    with pytest.raises(NoteError):
        read_lines(content)


def test_a_key_says_its_type() -> None:
    assert f"+{b64encode(bytes([4])).decode()[:1]}" in W1.vkey
