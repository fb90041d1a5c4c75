"""Serve knows a decoy it is asked about, and can name none; the index alone says nothing of anybody."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from adapters.index.generations import GenerationFiles, Generations, GenerationTables
from adapters.index.postgres import mirror
from adapters.index.sqlite import SqliteIndex
from adapters.index.tokens import LinkTokens, Marked, read_tokens, write_tokens
from adapters.keys.files import write_key
from adapters.keys.making import make_all
from adapters.keys.ring import decoy_key
from adapters.sql.engine import open_engine
from gateway.generation import GenerationError
from tests.adapters.make_identity import StandingClock
from tests.fakes_index import DECOY_KEY, KEY, a_subject, digest_of, publish_parts

STRANGER = X25519PrivateKey.from_private_bytes(b"x" * 32)
LINKS = [digest_of(seed)[:16] for seed in range(8)]
links = st.sets(st.binary(min_size=16, max_size=16), max_size=20)


@given(decoys=links, others=links)
def test_exactly_the_decoys_are_known(decoys: set[bytes], others: set[bytes]) -> None:
    found = read_tokens(
        write_tokens(decoys, Marked.DECOYS, DECOY_KEY.public_key(), os.urandom), Marked.DECOYS, DECOY_KEY
    )

    assert {link for link in decoys | others if found.holds(link)} == decoys


def test_the_order_of_decoys_tells_nothing() -> None:
    counted = iter([b"k" * 32, b"e" * 32] * 2)

    first, second = (
        write_tokens(each, Marked.DECOYS, DECOY_KEY.public_key(), lambda _: next(counted))
        for each in (LINKS, LINKS[::-1])
    )

    assert first == second


def test_a_file_holds_no_link_and_two_files_share_nothing() -> None:
    first, second = (write_tokens(LINKS, Marked.DECOYS, DECOY_KEY.public_key(), os.urandom) for _ in range(2))

    assert not [link for link in LINKS if link in first]
    assert not {first[start : start + 16] for start in range(0, len(first), 16)} & {
        second[start : start + 16] for start in range(0, len(second), 16)
    }


def test_tokens_show_themselves_to_nobody() -> None:
    found = read_tokens(
        write_tokens(LINKS, Marked.DECOYS, DECOY_KEY.public_key(), os.urandom), Marked.DECOYS, DECOY_KEY
    )

    assert repr(found) == "LinkTokens(***)"
    assert isinstance(found, LinkTokens)


def test_another_key_reads_nothing(tmp_path: Path) -> None:
    publish_parts(tmp_path, [[a_subject(1)]], decoys=LINKS)

    with pytest.raises(GenerationError, match=r"keys/serve/decoys\.pem"):
        SqliteIndex.open(tmp_path, KEY.public_key(), None, STRANGER)


@pytest.fixture(params=["sqlite", "postgresql"])
def generations(request: pytest.FixtureRequest, tmp_path: Path) -> Generations:
    """Where serve looks, without the key that decoys are known by."""
    published = publish_parts(tmp_path, [[a_subject(1)]], decoys=LINKS)
    if request.param == "sqlite":
        return GenerationFiles(tmp_path, KEY.public_key())
    url = request.getfixturevalue("postgres_url")
    mirror(url, published)
    return GenerationTables(url, KEY.public_key())


def test_who_answers_must_know_decoys(generations: Generations) -> None:
    with pytest.raises(GenerationError, match="serve-key"):
        generations.open()


def test_a_key_that_was_made_meanwhile_needs_no_restart(tmp_path: Path) -> None:
    publish_parts(tmp_path, [[a_subject(1)]], decoys=LINKS)
    make_all(tmp_path / "home", StandingClock())
    found = GenerationFiles(tmp_path, KEY.public_key(), lambda: decoy_key(tmp_path / "home"))
    path = tmp_path / "home" / "keys" / "serve" / "decoys.pem"

    path.write_text("not a key")
    with pytest.raises(GenerationError, match="no private key"):
        found.open()
    path.unlink()
    write_key(path, DECOY_KEY, None)
    index = found.open()

    assert index.is_decoy(LINKS[0])
    index.close()


def test_tokens_that_were_altered_in_postgresql_are_not_adopted(tmp_path: Path, postgres_url: str) -> None:
    mirror(postgres_url, publish_parts(tmp_path, [[a_subject(1)]], decoys=LINKS))
    other = write_tokens(LINKS[:1], Marked.DECOYS, DECOY_KEY.public_key(), os.urandom)
    engine = open_engine(postgres_url)
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE index_files SET content = %(other)s", {"other": other})
    engine.dispose()

    with pytest.raises(GenerationError, match="was altered"):
        GenerationTables(postgres_url, KEY.public_key(), lambda: DECOY_KEY).open()


def test_tokens_of_an_older_generation_are_not_put_into_a_newer_one(tmp_path: Path) -> None:
    old = publish_parts(tmp_path, [[a_subject(1)]], decoys=LINKS[:1])
    content = (old.directory / "decoys-0").read_bytes()
    new = publish_parts(tmp_path, [[a_subject(1)]], decoys=LINKS, name="g20270101000000abcd")
    (new.directory / "decoys-0").write_bytes(content)

    with pytest.raises(GenerationError, match="was altered"):
        SqliteIndex.open(tmp_path, KEY.public_key(), None, DECOY_KEY)
