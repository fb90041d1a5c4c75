"""What an entry is found by: every word of its clear part that may be asked for, and the accounts it names."""

from __future__ import annotations

import pytest

from gateway.trail.words import MEMBERS, accounts_of, number_of, open_entry, words_of

COMPARISON = {"client": "c-1", "grant": "G-1", "purpose": "pay", "kind": "person", "network": "office"}
ENTRIES: dict[str, tuple[dict[str, object], set[tuple[str, str]]]] = {
    "an answer": (
        {
            "type": "comparison.answered",
            "partner": "p",
            "body": {**COMPARISON, "outcome": {"subject": "confirmed", "fields": {"a": "match", "b": "match"}}},
        },
        {
            ("type", "comparison.answered"),
            ("partner", "p"),
            *COMPARISON.items(),
            ("outcome", "confirmed"),
            ("outcome", "match"),
        },
    ),
    "a refusal without a grant": (
        {
            "type": "comparison.refused",
            "partner": "p",
            "body": {**COMPARISON, "grant": None, "purpose": None, "outcome": {"refused": "held", "incident": "I-1"}},
        },
        {
            ("type", "comparison.refused"),
            ("partner", "p"),
            ("client", "c-1"),
            ("kind", "person"),
            ("network", "office"),
            ("outcome", "refused"),
            ("reason", "held"),
            ("incident", "I-1"),
        },
    ),
    "a grant": (
        {"type": "deed.in_force", "partner": "p", "body": {"kind": "grant", "id": "G-1", "by": ["a", "b"]}},
        {("type", "deed.in_force"), ("partner", "p"), ("grant", "G-1")},
    ),
    "a list of a grant": (
        {"type": "deed.drawn", "body": {"kind": "cohort", "id": "G-1", "author": "a"}},
        {("type", "deed.drawn"), ("grant", "G-1")},
    ),
    "a partner": (
        {"type": "deed.signed", "body": {"kind": "partner", "id": "p", "person": "a"}},
        {("type", "deed.signed"), ("partner", "p")},
    ),
    "a person": (
        {"type": "deed.signed", "body": {"kind": "person", "id": "G-1", "person": "a"}},
        {("type", "deed.signed")},
    ),
    "a filed list": (
        {"type": "cohort.filed", "partner": "p", "body": {"grant": "G-1", "by": "a"}},
        {("type", "cohort.filed"), ("partner", "p"), ("grant", "G-1")},
    ),
    "a sign-in": ({"type": "account.signed_in", "body": {"account": "a"}}, {("type", "account.signed_in")}),
    "members of other types": (
        {"type": "comparison.answered", "body": {"client": 7, "outcome": {"subject": "x", "fields": ["match"]}}},
        {("type", "comparison.answered"), ("outcome", "x")},
    ),
    "no body": ({"type": "comparison.answered", "body": []}, {("type", "comparison.answered")}),
}


@pytest.mark.parametrize(("entry", "words"), ENTRIES.values(), ids=ENTRIES)
def test_an_entry_is_found_by_its_words(entry: dict[str, object], words: set[tuple[str, str]]) -> None:
    assert words_of(entry) == words
    assert {member for member, _ in words} <= {*MEMBERS}


ACCOUNTS: dict[str, tuple[dict[str, object], set[str]]] = {
    "whoever signed": ({"person": "a"}, {"a"}),
    "all who signed": ({"by": ["a", "b"]}, {"a", "b"}),
    "whoever drew up": ({"author": "a", "narrows": None}, {"a"}),
    "nobody": ({"account": None, "by": ["", 7]}, set()),
}


@pytest.mark.parametrize(("body", "accounts"), ACCOUNTS.values(), ids=ACCOUNTS)
def test_an_entry_names_whoever_acted(body: dict[str, object], accounts: set[str]) -> None:
    assert accounts_of({"body": body}) == accounts


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff", b'{"a":1}{'])
def test_bytes_that_are_no_entry_say_nothing(content: bytes) -> None:
    assert open_entry(content) == {}
    assert accounts_of(open_entry(content)) == set()


def test_a_word_is_its_member_and_its_text() -> None:
    numbers = {
        number_of("grant", "G-1"),
        number_of("partner", "G-1"),
        number_of("grant", "G-2"),
        number_of("gran", "tG-1"),
    }

    assert len(numbers) == 4
    assert all(-(2**63) <= each < 2**63 for each in numbers)
