"""Points and search tokens: equal where they must be, unlike wherever they may be, and nothing without the key."""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.tokens import TOKEN_BYTES, Tokens, epoch_of


@dataclass
class MemoryTokenKeys:
    """Keys from a seed."""

    seed: bytes = b"1"
    years: list[str] = field(default_factory=lambda: ["2025", "2026"])

    def point(self) -> bytes:
        return sha256(b"point" + self.seed).digest()

    def search(self, epoch: str) -> bytes:
        return sha256(epoch.encode() + self.seed).digest()

    def epochs(self) -> list[str]:
        return self.years


TOKENS = Tokens(MemoryTokenKeys())
WORDS = st.text(max_size=20)


def test_a_subject_has_one_point_and_another_has_another() -> None:
    point = TOKENS.point("person", "152921199001010018")

    assert point == TOKENS.point("person", "152921199001010018")
    assert point != TOKENS.point("person", "152921199001010026")
    assert point != TOKENS.point("organisation", "152921199001010018")
    assert len(point.text) == 2 * TOKEN_BYTES
    assert "1529" not in point.text


@given(WORDS, WORDS, WORDS, WORDS)
def test_no_two_pairs_of_words_share_a_token(field_one: str, one: str, field_two: str, two: str) -> None:
    same = (field_one, one) == (field_two, two)

    assert (TOKENS.search(field_one, one, "2026") == TOKENS.search(field_two, two, "2026")) == same


def test_a_word_looks_otherwise_each_year_and_under_other_keys() -> None:
    this, last = TOKENS.everywhere("matter", "M-1")[::-1]

    assert this == TOKENS.search("matter", "M-1", epoch_of("2026-11-22T00:00:00.000000Z"))
    assert this != last
    assert this != Tokens(MemoryTokenKeys(b"2")).search("matter", "M-1", "2026")


def test_half_a_key_is_none() -> None:
    class Short(MemoryTokenKeys):
        def point(self) -> bytes:
            return b"short"

    with pytest.raises(ValueError, match="32 bytes"):
        Tokens(Short()).point("person", "1")
