"""Signed notes: the published examples, and everything that is nearly a note."""

from base64 import b64decode, b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit import note
from audit.errors import NoteError, UnsignedError
from audit.note import Ed25519Verifier, NoteVerifier, make_vkey, parse, parse_vkey, sign, verified
from tests.audit.make import AT, an_ed25519_signer

# The examples of the C2SP specification and of the Go implementation it grew from.
EXAMPLES = {
    "C2SP signed-note": (
        "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "This is an example message.\n",
        "— example.com/foo "
        "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n",
    ),
    "Go sumdb/note": (
        "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n",
        "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n",
    ),
}
TEXT = "a note\n\nof two paragraphs\n"
ONE, TWO = an_ed25519_signer("example.org/one", "one"), an_ed25519_signer("example.org/two", "two")


def verifier(vkey: str) -> NoteVerifier:
    return Ed25519Verifier(parse_vkey(vkey))


@pytest.mark.parametrize(("vkey", "text", "line"), EXAMPLES.values(), ids=EXAMPLES.keys())
def test_the_published_examples_hold(vkey: str, text: str, line: str) -> None:
    read = parse(f"{text}\n{line}".encode())

    assert read.text == text
    assert verified(read, [verifier(vkey)]) == {vkey}


@pytest.mark.parametrize(("vkey", "text", "line"), EXAMPLES.values(), ids=EXAMPLES.keys())
def test_no_changed_verifier_key_is_read(vkey: str, text: str, line: str) -> None:
    assert str(parse_vkey(vkey)) == vkey
    for place in range(len(vkey)):
        for changed in (vkey[:place] + vkey[place + 1 :], vkey[:place] + chr(ord(vkey[place]) ^ 1) + vkey[place + 1 :]):
            with pytest.raises(NoteError):
                parse_vkey(changed)


@pytest.mark.parametrize("part", range(2, 40))
def test_no_part_of_a_verifier_key_is_read(part: int) -> None:
    vkey = ONE.vkey
    for piece in (vkey[:part], vkey[part:], vkey[part : part + 40]):
        with pytest.raises(NoteError):
            parse_vkey(piece)


def test_a_verifier_key_needs_key_material() -> None:
    for public in (b"", b"\x01"):
        key = make_vkey("name", 1, public)
        with pytest.raises(NoteError):
            verifier(f"{key.name}+{key.key_id.hex()}+{b64encode(public).decode()}")


def test_a_verifier_key_of_the_wrong_length_is_refused() -> None:
    with pytest.raises(NoteError, match="not an Ed25519 key"):
        Ed25519Verifier(make_vkey("name", 1, b"short"))


def test_two_keys_may_sign_one_note() -> None:
    read = parse(sign(TEXT, [ONE, TWO], AT))

    assert verified(read, [verifier(ONE.vkey), verifier(TWO.vkey)]) == {ONE.vkey, TWO.vkey}


def test_an_unknown_signature_is_ignored() -> None:
    read = parse(sign(TEXT, [ONE, TWO], AT))

    assert verified(read, [verifier(ONE.vkey)]) == {ONE.vkey}


def test_a_note_that_nobody_known_signed_is_not_believed() -> None:
    read = parse(sign(TEXT, [ONE], AT))

    with pytest.raises(UnsignedError):
        verified(read, [verifier(TWO.vkey)])
    with pytest.raises(UnsignedError):
        verified(read, [])


def test_a_false_signature_of_a_known_key_spoils_the_whole_note() -> None:
    content = sign(TEXT, [ONE, TWO], AT)

    with pytest.raises(NoteError, match="in the name of"):
        verified(parse(content.replace(b"paragraphs", b"paragraphz")), [verifier(ONE.vkey)])


def test_a_key_with_the_right_name_and_id_but_another_key_does_not_sign() -> None:
    content = sign(TEXT, [an_ed25519_signer("example.org/one", "thief")], AT)
    start = content.rindex(b" ") + 1
    blob = b64decode(content[start:])
    forged = content[:start] + b64encode(parse_vkey(ONE.vkey).key_id + blob[4:]) + b"\n"

    with pytest.raises(NoteError, match="does not hold"):
        verified(parse(forged), [verifier(ONE.vkey)])


def test_two_verifiers_of_one_name_and_id_are_ambiguous() -> None:
    with pytest.raises(NoteError, match="ambiguous"):
        verified(parse(sign(TEXT, [ONE], AT)), [verifier(ONE.vkey), verifier(ONE.vkey)])


@given(st.integers(0, 400), st.integers(0, 7))
def test_no_changed_note_is_believed(place: int, bit: int) -> None:
    content = bytearray(sign(TEXT, [ONE], AT))
    content[place % len(content)] ^= 1 << bit

    with pytest.raises(NoteError):
        verified(parse(bytes(content)), [verifier(ONE.vkey)])


GOOD = sign("text\n", [ONE], AT)
LINE = GOOD.removeprefix(b"text\n\n")
MALFORMED = {
    "nothing": b"",
    "text alone": b"text\n",
    "no signature": b"text\n\n",
    "no blank line": b"text\n" + LINE,
    "no last line end": GOOD[:-1],
    "a blank line behind": GOOD + b"\n",
    "text behind": GOOD + b"more\n",
    "a hyphen": GOOD.replace("—".encode(), b"-"),
    "no name": GOOD.replace(b"example.org/one", b""),
    "a plus in the name": GOOD.replace(b"example.org/one", b"example.org+one"),
    "a space in the name": GOOD.replace(b"example.org/one", b"example.org one"),
    "a wide space in the name": GOOD.replace(b"example.org/one", "example.org\u3000one".encode()),
    "an unseen character in the name": GOOD.replace(b"example.org/one", "example.org\u200eone".encode()),
    "not base64": GOOD.replace(b"=", b"*"),
    "base64 without padding": GOOD.replace(b"=", b""),
    "a key id alone": b"text\n\n" + "— name AAAAAA==\n".encode(),
    "a tab": b"te\txt\n\n" + LINE,
    "a carriage return": GOOD.replace(b"\n", b"\r\n"),
    "no UTF-8": b"\xff" + GOOD,
    "too many signatures": GOOD + LINE * note.MAX_SIGNATURES,
    "too long": b"a" * note.MAX_NOTE_BYTES + GOOD,
}


@pytest.mark.parametrize("content", MALFORMED.values(), ids=MALFORMED.keys())
def test_what_is_nearly_a_note_is_refused(content: bytes) -> None:
    with pytest.raises(NoteError):
        parse(content)


@pytest.mark.parametrize("text", ["QR==", "QQ=", "QQ", "QQ==\n", " QQ==", "Q-==", "QQ==QQ=="])
def test_base64_has_one_spelling(text: str) -> None:
    assert note.from_base64("QQ==") == b"A"
    with pytest.raises(NoteError):
        note.from_base64(text)


def test_sixteen_signatures_are_read() -> None:
    assert len(parse(GOOD + LINE * 15).signatures) == 16


@given(st.binary(max_size=120))
def test_any_bytes_are_refused_politely(content: bytes) -> None:
    with pytest.raises(NoteError):
        parse(content)


@pytest.mark.parametrize("text", ["no line end", ""])
def test_a_text_without_a_line_end_is_not_signed(text: str) -> None:
    with pytest.raises(NoteError):
        sign(text, [ONE], AT)


def test_a_text_that_looks_like_a_note_keeps_its_own_end() -> None:
    inner = GOOD.decode()

    assert parse(sign(inner, [TWO], AT)).text == inner


@pytest.mark.parametrize("name", ["", "two words", "a+b", "line\nend", "tab\t", "\u3000"])
def test_a_name_that_cannot_stand_in_a_note_gets_no_key(name: str) -> None:
    with pytest.raises(NoteError):
        an_ed25519_signer(name)
