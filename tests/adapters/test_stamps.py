"""Stamps: those of the pinned authority over exactly these bytes, and no others."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import httpx2
import pytest

from adapters.stamps import ask, check, read_authority
from audit.errors import NoteError
from gateway.domain.errors import UnavailableError
from tests.tsa import AT, Tsa, a_tsa, integer, read_question

CONTENT = b"a checkpoint"
IMPRINT = sha256(CONTENT).digest()
TSA = a_tsa()


@pytest.fixture
def pinned(tmp_path: Path) -> Path:
    return TSA.write(tmp_path / "tsa.pem")


def a_line(tsa: Tsa, *, nonce: int | None = None) -> httpx2.MockTransport:
    """An authority behind HTTP."""

    def answer(request: httpx2.Request) -> httpx2.Response:
        imprint, asked = read_question(request.read())
        return httpx2.Response(200, content=tsa.stamp(imprint, asked if nonce is None else nonce))

    return httpx2.MockTransport(answer)


def test_a_stamp_of_the_pinned_authority_tells_the_time(pinned: Path) -> None:
    assert check(TSA.stamp(IMPRINT, None), CONTENT, read_authority(pinned)) == AT


def test_a_stamp_is_fetched_and_checked(pinned: Path) -> None:
    authority = read_authority(pinned)

    stamp = ask("http://tsa.example/", CONTENT, authority, transport=a_line(TSA))

    assert check(stamp, CONTENT, authority) == AT


WRONG = {
    "of other bytes": TSA.stamp(sha256(b"other").digest(), None),
    "of another authority": a_tsa().stamp(IMPRINT, None),
    "changed": TSA.stamp(IMPRINT, None).replace(b"20260630020000Z", b"20250630020000Z"),
    "nothing": b"",
    "rubbish": b"rubbish" * 100,
    "refused": bytes([0x30, 5, 0x30, 3]) + integer(2),
}


@pytest.mark.parametrize("stamp", WRONG.values(), ids=WRONG.keys())
def test_what_is_no_stamp_of_it_is_refused(pinned: Path, stamp: bytes) -> None:
    with pytest.raises(NoteError):
        check(stamp, CONTENT, read_authority(pinned))


def test_an_answer_to_another_question_is_refused(pinned: Path) -> None:
    with pytest.raises(NoteError, match="Nonce"):
        ask("http://tsa.example/", CONTENT, read_authority(pinned), transport=a_line(TSA, nonce=5))


def test_an_authority_under_the_same_root_is_another_one(tmp_path: Path, pinned: Path) -> None:
    (tmp_path / "other.pem").write_bytes(a_tsa().write(tmp_path / "x").read_bytes())

    with pytest.raises(NoteError):
        check(TSA.stamp(IMPRINT, None), CONTENT, read_authority(tmp_path / "other.pem"))


@pytest.mark.parametrize("answer", [httpx2.Response(500), httpx2.Response(200, content=b"x" * 100_000)])
def test_an_authority_that_does_not_answer_is_named(pinned: Path, answer: httpx2.Response) -> None:
    with pytest.raises(UnavailableError):
        ask(
            "http://tsa.example/",
            CONTENT,
            read_authority(pinned),
            transport=httpx2.MockTransport(lambda _: answer),
        )


def test_a_file_without_certificates_says_so(tmp_path: Path) -> None:
    (tmp_path / "tsa.pem").write_text("none")

    with pytest.raises(NoteError, match="no certificates"):
        read_authority(tmp_path / "tsa.pem")
