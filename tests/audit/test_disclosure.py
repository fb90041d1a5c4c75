"""Disclosures: equally long, bound to their entry, opening only the digest they were made for."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.disclosure import (
    FRAMES,
    SLOT_ENTROPY,
    SLOTS,
    DataKey,
    Disclosure,
    Sealed,
    Sealer,
    Secret,
    is_committed,
    secret,
    unpack,
    unseal,
)
from audit.errors import DisclosureError
from tests.fakes_audit import CountingEntropy, MemoryKeys

ENTRY = "01941f29-7c24-750e-ae45-988a1d7efd05"
MONTH = "2025-01"


def seal(*secrets: Secret, entry: str = ENTRY, seed: str = "seed") -> tuple[list[str], bytes]:
    sealer = Sealer(MemoryKeys().current(MONTH))
    return sealer.seal(entry, secrets, CountingEntropy(seed)(SLOTS * SLOT_ENTROPY))


def opened(packed: bytes, entry: str = ENTRY) -> list[Disclosure | None]:
    keys = MemoryKeys()
    keys.current(MONTH)
    return [unseal(entry, sealed, keys) for sealed in unpack(packed)]


names = st.sampled_from(sorted(FRAMES))


@given(names, st.text(st.characters(codec="utf-8"), max_size=16))
def test_a_disclosure_opens_to_what_was_sealed(name: str, value: str) -> None:
    digests, packed = seal(secret(name, value))

    (disclosure,) = opened(packed)

    assert disclosure is not None
    assert disclosure.reveal() == value
    assert is_committed(disclosure, digests)


@given(names, st.text(max_size=12), st.text(max_size=12), st.text(max_size=4))
def test_length_tells_nothing(name: str, one: str, other: str, seed: str) -> None:
    one, other = (text.encode(errors="replace").decode() for text in (one, other))

    digests, packed = seal(secret(name, one))
    other_digests, other_packed = seal(secret(name, other), seed=seed)

    assert len(packed) == len(other_packed)
    assert [len(digest) for digest in (*digests, *other_digests)] == [43] * 2 * SLOTS


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
        unseal(ENTRY, Sealed("operator", sealed.kid, sealed.blob), keys)


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
        unseal(ENTRY, Sealed("subject", MONTH, b"short"), keys)


@given(st.integers(1, 400))
def test_cut_disclosures_are_never_all_of_them(cut: int) -> None:
    _, packed = seal(secret("subject", "1"), secret("operator", "2"))

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


@pytest.mark.parametrize("name", sorted(FRAMES))
def test_the_longest_value_fits_and_a_longer_one_is_refused(name: str) -> None:
    longest = FRAMES[name] - len('["123456789012345678901234","",""]') - len(name)

    _, packed = seal(secret(name, "a" * longest))
    (disclosure,) = opened(packed)

    assert disclosure is not None
    assert disclosure.reveal() == "a" * longest
    with pytest.raises(DisclosureError, match="longer than its frame"):
        secret(name, "a" * (longest + 1))


def test_an_unknown_name_has_no_frame() -> None:
    with pytest.raises(KeyError):
        secret("claimed_value", "1")


def test_nothing_shows_what_it_holds() -> None:
    shown = [repr(secret("subject", "152921")), repr(Disclosure("subject", b"152921")), repr(DataKey("k", b"152921"))]

    assert not any("152921" in text for text in shown)
