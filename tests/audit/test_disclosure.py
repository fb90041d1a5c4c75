"""Disclosures: equally long, bound to their entry, opening only the digest they were made for."""

import json
import re
from contextlib import suppress
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.disclosure import (
    SLOT_ENTROPY,
    Disclosure,
    Sealed,
    Sealer,
    Secret,
    is_committed,
    secret,
    unpack,
    unseal,
)
from audit.entry import JsonValue
from audit.errors import DisclosureError
from audit.frames import FORMS, SLOTS
from tests.fakes_audit import CountingEntropy, MemoryKeys

ENTRY = "01941f29-7c24-750e-ae45-988a1d7efd05"
MONTH = "2025-01"


def seal(*secrets: Secret, entry: str = ENTRY, seed: str = "seed") -> tuple[list[str], bytes]:
    sealer = Sealer(MemoryKeys().current(MONTH))
    digests, packed = sealer.seal(entry, secrets, CountingEntropy(seed)(SLOTS * SLOT_ENTROPY))
    return [digest.decode() for digest in digests], packed


def opened(packed: bytes, entry: str = ENTRY) -> list[Disclosure | None]:
    keys = MemoryKeys()
    keys.current(MONTH)
    return [unseal(entry, sealed, keys) for sealed in unpack(packed)]


texts = st.text(st.characters(codec="utf-8"), max_size=8)
numbers = st.text("0123456789X-", max_size=32)
comparisons = st.tuples(numbers, texts, st.none() | texts, st.dictionaries(st.sampled_from("abc"), texts, max_size=2))
Comparison = tuple[str, str, str | None, dict[str, str]]


@given(comparisons)
def test_disclosures_open_to_what_was_sealed(values: Comparison) -> None:
    digests, packed = seal(secret("comparison", *values))

    disclosures = opened(packed)

    assert [each.name for each in disclosures if each] == ["subject", "operator", "matter", "inner"]
    assert [each.reveal() for each in disclosures if each] == list(values)
    assert all(is_committed(each, digests) for each in disclosures if each)


@given(comparisons, comparisons, st.text(max_size=4))
def test_length_tells_nothing(one: Comparison, other: Comparison, seed: str) -> None:
    digests, packed = seal(secret("comparison", *one))
    other_digests, other_packed = seal(secret("comparison", *other), seed=seed)

    assert len(packed) == len(other_packed)
    assert [len(digest) for digest in (*digests, *other_digests)] == [43] * 2 * SLOTS


def test_every_disclosure_has_a_salt_of_its_own() -> None:
    """So that one can be shown, and the others stay unguessable."""
    _, packed = seal(secret("comparison", "1", "2", None, {}), secret("rules", []))

    salts = {json.loads(each.content)[0] for each in opened(packed) if each}

    assert len(salts) == 5
    assert all(re.fullmatch(r"[\w-]{24}", salt, re.ASCII) for salt in salts)


def test_a_batch_uses_no_random_byte_twice() -> None:
    comparison, rules = secret("comparison", "1", "2", None, {}), secret("rules", [])
    batch: list[list[Secret]] = [[comparison], [], [comparison, rules], [rules], [comparison]]
    ids = [ENTRY[:-1] + str(number) for number in range(len(batch))]
    entropy = CountingEntropy()(len(batch) * SLOTS * SLOT_ENTROPY)

    sealed = Sealer(MemoryKeys().current(MONTH)).seal_batch(ids, batch, entropy)

    keys = MemoryKeys()
    keys.current(MONTH)
    salts, frames = list[str](), set[tuple[str, str]]()
    for entry, (digests, packed) in zip(ids, sealed, strict=True):
        for each in unpack(packed):
            disclosure = unseal(entry, each, keys)
            assert disclosure is not None
            assert is_committed(disclosure, [digest.decode() for digest in digests])
            salts.append(json.loads(disclosure.content)[0])
            frames.add((entry, each.label))
    nonces = {each.blob[:12] for _, packed in sealed for each in unpack(packed)}
    committed = [digest for digests, _ in sealed for digest in digests]
    assert len(salts) == len(set(salts)) == 14
    assert len(nonces) == len(frames) == 8
    assert len(committed) == len(set(committed)) == len(batch) * SLOTS
    assert {len(digests) for digests, _ in sealed} == {SLOTS}


def test_one_can_be_erased_without_the_others() -> None:
    """The subject's frame is not that of who asked, so its key may be another."""
    digests, packed = seal(secret("comparison", "152921199001010018", "li-na", "M-1", {"cause": "absent"}))
    subject, *others = unpack(packed)

    assert subject.name == "subject"
    assert {each.blob for each in others} == {others[0].blob} != {subject.blob}
    keys = MemoryKeys()
    keys.current(MONTH)
    kept = [unseal(ENTRY, each, keys) for each in others]
    assert [each is not None and is_committed(each, digests) for each in kept] == [True] * 3
    assert not any(each and b"1529" in each.content for each in kept)


def test_decoys_look_like_digests() -> None:
    """The last character of 32 bytes carries four bits, so it is one of sixteen."""
    digests = [digest for number in range(50) for digest in seal(seed=str(number))[0]]

    assert len(set(digests)) == 50 * SLOTS
    assert {digest[-1] for digest in digests} <= set("AEIMQUYcgkosw048")


@pytest.mark.parametrize("count", range(SLOTS))
def test_an_entry_has_as_many_digests_whatever_it_hides(count: int) -> None:
    digests, packed = seal(*[secret("subject", str(number)) for number in range(count)])

    assert len(set(digests)) == SLOTS
    assert digests == sorted(digests)
    assert len(list(unpack(packed))) == count


def test_a_disclosure_opens_only_its_own_digest() -> None:
    digests, _ = seal(secret("subject", "1"))
    _, packed = seal(secret("subject", "1"), seed="other salt")

    (disclosure,) = opened(packed)

    assert disclosure is not None
    assert not is_committed(disclosure, digests)


def test_a_disclosure_says_its_own_name() -> None:
    digests, packed = seal(secret("subject", "1"))
    (disclosure,) = opened(packed)
    assert disclosure is not None

    renamed = Disclosure("operator", disclosure.content)

    assert not is_committed(renamed, digests)


@pytest.mark.parametrize("content", [b"", b"{}", b"[1,2]", b'["salt","subject",1.5]'])
def test_what_is_no_disclosure_is_committed_to_by_nobody(content: bytes) -> None:
    disclosure = Disclosure("subject", content)

    assert not is_committed(disclosure, [disclosure.digest()])


def test_a_ciphertext_belongs_to_one_entry() -> None:
    _, packed = seal(secret("subject", "1"))

    with pytest.raises(DisclosureError, match="belongs to another entry"):
        opened(packed, entry=ENTRY.replace("0", "1"))


def test_a_ciphertext_belongs_to_one_name() -> None:
    _, packed = seal(secret("subject", "1"))
    (sealed,) = unpack(packed)
    keys = MemoryKeys()
    keys.current(MONTH)

    with pytest.raises(DisclosureError):
        unseal(ENTRY, Sealed("rules", 0, sealed.kid, sealed.blob), keys)


@given(st.integers(0, 10_000), st.integers(0, 7))
def test_a_changed_bit_is_noticed(place: int, bit: int) -> None:
    _, packed = seal(secret("subject", "1"))
    changed = bytearray(packed)
    changed[place % len(packed)] ^= 1 << bit

    with suppress(DisclosureError):
        assert opened(bytes(changed)) == [None]  # another key's name: as if that key were gone


def test_a_short_ciphertext_is_noticed() -> None:
    keys = MemoryKeys()
    keys.current(MONTH)

    with pytest.raises(DisclosureError):
        unseal(ENTRY, Sealed("subject", 0, MONTH, b"short"), keys)


@given(st.integers(1, 400))
def test_cut_disclosures_are_never_all_of_them(cut: int) -> None:
    _, packed = seal(secret("subject", "1"), secret("rules", ["2"]))

    try:
        kept = list(unpack(packed[:-cut]))
    except DisclosureError:
        return
    assert [sealed.name for sealed in kept] in ([], ["subject"])


def test_without_its_key_nothing_opens() -> None:
    _, packed = seal(secret("subject", "152921199001010018"))
    (sealed,) = unpack(packed)

    assert unseal(ENTRY, sealed, MemoryKeys()) is None
    assert b"1529" not in packed


LONGEST: dict[str, tuple[object, ...]] = {
    "finding": (
        {
            "detector": "d" * 32,
            "observed": "9" * 24,
            "expected": "9" * 24,
            "days": 365,
            "samples": ["0" * 8] * 5,
            "notes": "n" * 356,
        },
    ),
    "subject": ("a" * 32,),
    "comparison": (
        "a" * 32,
        "\U00020000" * 64,
        "\U00020000" * 64,
        {
            "budgets": {
                "comparisons": [2**31 - 1] * 2,
                "day": [2**31 - 1] * 2,
                "days_30": [2**31 - 1] * 2,
                "year": [2**31 - 1] * 2,
            },
            "cause": "a_cause_with_quite_a_long_name",
        },
    ),
    "rules": ({"ids": ["r" * 64] * 8, "more": 9999},),
}


@pytest.mark.parametrize("form", sorted(FORMS))
def test_the_longest_values_fit_and_longer_ones_are_refused(form: str) -> None:
    values = cast("tuple[JsonValue, ...]", LONGEST[form])

    _, packed = seal(secret(form, *values))

    assert [each.reveal() for each in opened(packed) if each] == list(values)
    with pytest.raises(DisclosureError, match="longer than the"):
        secret(form, *values[:-1], "a" * 800)


def test_a_subject_does_not_spread_into_the_room_of_others() -> None:
    with pytest.raises(DisclosureError, match="subject"):
        secret("comparison", "1" * 33, "", None, {})


def test_a_comparison_takes_a_quarter_of_a_page() -> None:
    """Of 4 KiB less 8 for the page; a row of SQLite adds up to 12 for place, number and header."""
    _, packed = seal(secret("comparison", "1", "2", None, {}))

    assert len(packed) + 12 <= (4096 - 8) // 4


def test_a_frame_with_a_line_too_few_is_noticed() -> None:
    _, packed = seal(secret("subject", "1"))
    (sealed,) = unpack(packed)
    keys = MemoryKeys()
    label, nonce = b"operator,matter,inner", b"n" * 12
    bound = b"bidui-disclosure/3\0%b\0%b" % (ENTRY.encode(), label)
    month = keys.current(MONTH)
    point, cipher = month.person(("operator", "li-na"))
    veiled = month.veil([point], [nonce + (2).to_bytes(4, "big")])[0]
    blob = nonce + veiled + cipher.encrypt(nonce, b'["s","operator","1"]', bound)

    with pytest.raises(DisclosureError, match="does not hold a line for each"):
        unseal(ENTRY, Sealed(label.decode(), 1, sealed.kid, blob), keys)


def test_an_unknown_form_has_no_frames() -> None:
    with pytest.raises(KeyError):
        secret("claimed_value", "1")


def test_nothing_shows_what_it_holds() -> None:
    holders = [secret("subject", "152921"), Disclosure("subject", b"152921"), MemoryKeys().current(MONTH)]
    shown = [repr(each) for each in holders]

    assert not any("152921" in text for text in shown)
