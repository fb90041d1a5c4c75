"""A witness: every answer of the specification, one atomic step, and nothing that contradicts what it cosigned."""

import random
import threading
from base64 import b64encode
from datetime import timedelta
from functools import partial
from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit import checkpoint, note
from audit.checkpoint import Checkpoint, peek
from audit.cosignature import add, cosigner_verifier, holding, read_lines
from audit.errors import ProofError, WitnessError
from audit.tree import root
from audit.trust import Trust
from audit.witness import MAX_REQUEST_BYTES, AddCheckpoint, Reply, Witness, parse_request
from tests.audit.make import (
    AT,
    LOG_SIGNERS,
    ORIGIN,
    a_checkpoint_of,
    a_log,
    a_trust,
    an_ed25519_signer,
    an_ml_dsa_signer,
)
from tests.audit.witnesses import MemoryWitness, a_cosigner
from tests.audit.witnesses import a_request as a_request_of

NAME = "witness.example/w1"
SIGNERS = (a_cosigner(NAME), an_ml_dsa_signer(NAME, "w1"))
OURS = [cosigner_verifier(each.vkey) for each in SIGNERS]
LOG = a_log(600)
OTHER = a_log(600, partners=("someone",))
# The example of the C2SP specification.
EXAMPLE = (
    "old 20852014\n"
    "PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=\n"
    "jrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=\n"
    "5+pKlUdi2LeF/BcMHBn+Ku6yhPGNCswZZD1X/6QgPd8=\n"
    "/6WVhPs2CwSsb5rYBH5cjHV/wSmA79abXAwhXw3Kj/0=\n"
    "\n"
    "example.com/behind-the-sofa\n"
    "20852163\n"
    "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
    "\n"
    "— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE"
    "+xeMcTOAYQ8=\n"
    "— example.com/behind-the-sofa opLqBQsREYCgu6xQkYQwJr9fo45a62DN9EdmHXnZdXNqlcVGlCum2Wks+49/V6267UEjw6QUXTS5Rovnzv"
    "++qbSzm9Q=\n"
).encode()


def trusted(origin: str) -> Trust | None:
    return a_trust() if origin == ORIGIN else None


def a_witness(store: MemoryWitness | None = None) -> Witness:
    return Witness(SIGNERS, trusted, store or MemoryWitness(), lambda: AT)


a_request = partial(a_request_of, LOG)


def witnessed(*sizes: int) -> tuple[Witness, MemoryWitness]:
    """A witness that cosigned these sizes, one after the other."""
    store = MemoryWitness()
    witness, old = a_witness(store), 0
    for size in sizes:
        assert witness.add_checkpoint(a_request(old, size).encode()).status == 200
        old = size
    return witness, store


def test_the_published_example_is_read_and_written_again() -> None:
    request = parse_request(EXAMPLE)

    assert (request.old, len(request.hashes)) == (20852014, 4)
    assert peek(request.checkpoint).size == 20852163
    assert request.encode() == EXAMPLE
    assert a_witness().add_checkpoint(EXAMPLE).status == 404


def test_the_first_checkpoint_is_cosigned_with_both_keys_and_kept_with_them() -> None:
    store = MemoryWitness()
    witness = a_witness(store)

    request = a_request(0, 300)

    reply = witness.add_checkpoint(request.encode())

    assert reply.status == 200
    held = holding(note.parse(request.checkpoint).text, read_lines(reply.body), OURS, AT)
    assert held.keys() == {each.vkey for each in SIGNERS}
    assert store.kept[ORIGIN] == add(request.checkpoint, read_lines(reply.body))


@pytest.mark.parametrize("sizes", [(1, 2, 3, 5, 8), (1, 256, 257, 600), (300, 300, 300), (7, 600)])
def test_a_log_that_grows_is_followed(sizes: tuple[int, ...]) -> None:
    _, store = witnessed(*sizes)

    assert peek(store.kept[ORIGIN]).size == sizes[-1]


def test_an_empty_log_is_followed_too() -> None:
    witness = a_witness()
    empty = checkpoint.sign(Checkpoint(ORIGIN, 0, root([])), LOG_SIGNERS, AT)

    assert witness.add_checkpoint(AddCheckpoint(0, (), empty).encode()).status == 200
    assert witness.add_checkpoint(AddCheckpoint(0, (), empty).encode()).status == 200
    assert witness.add_checkpoint(a_request(0, 5).encode()).status == 200
    assert witness.add_checkpoint(AddCheckpoint(0, (), empty).encode()) == Reply(
        409, b"5\n", "the old size is not that of the last cosigned checkpoint"
    )


SIGNED = {
    "by one key alone": checkpoint.sign(peek(a_checkpoint_of(LOG, 7)), LOG_SIGNERS[:1], AT),
    "by a stranger too": checkpoint.sign(
        peek(a_checkpoint_of(LOG, 7)), [*LOG_SIGNERS, an_ed25519_signer(seed="x")], AT
    ),
}


@pytest.mark.parametrize("content", SIGNED.values(), ids=SIGNED.keys())
def test_one_known_key_is_enough_and_strangers_are_left_out(content: bytes) -> None:
    store = MemoryWitness()

    assert a_witness(store).add_checkpoint(AddCheckpoint(0, (), content).encode()).status == 200
    assert an_ed25519_signer(seed="x").vkey.split("+")[1] not in {
        each.key_id.hex() for each in note.parse(store.kept[ORIGIN]).signatures
    }


# --------------------------------------------------------------------------------------- what is not cosigned

GOOD = a_request(300, 600)
BAD_SIGNATURE = GOOD.checkpoint.replace(b"\n600\n", b"\n599\n")
WRONG_ID = note.sign(note.parse(GOOD.checkpoint).text, [an_ed25519_signer(seed="x")], AT)
EMPTY_WITH_ROOT = checkpoint.sign(Checkpoint(ORIGIN, 0, sha256(b"x").digest()), LOG_SIGNERS, AT)
ELSEWHERE = checkpoint.sign(Checkpoint("other.example/log", 600, bytes(32)), LOG_SIGNERS, AT)
SAME_SIZE_FORK = a_checkpoint_of(OTHER, 300)
REFUSED: dict[str, tuple[AddCheckpoint, int]] = {
    "an unknown log": (GOOD._replace(checkpoint=ELSEWHERE), 404),
    "no signature by a known key": (GOOD._replace(checkpoint=WRONG_ID), 403),
    "a signature that does not hold": (GOOD._replace(checkpoint=BAD_SIGNATURE), 403),
    "an old size above the new one": (GOOD._replace(old=601), 400),
    "an old size that is too small": (a_request(299, 600), 409),
    "an old size that is too large": (a_request(301, 600), 409),
    "old 0 although it knows more": (a_request(0, 600), 409),
    "a smaller tree": (a_request(200, 250), 409),
    "a smaller tree, with its own size": (a_request(300, 300)._replace(checkpoint=a_checkpoint_of(LOG, 250)), 400),
    "a proof for another size": (GOOD._replace(hashes=a_request(299, 600).hashes), 422),
    "a proof to another size": (GOOD._replace(hashes=a_request(300, 599).hashes), 422),
    "a proof too short": (GOOD._replace(hashes=GOOD.hashes[:-1]), 422),
    "a proof too long": (GOOD._replace(hashes=(*GOOD.hashes, bytes(32))), 422),
    "no proof": (GOOD._replace(hashes=()), 422),
    "another history": (a_request_of(OTHER, 300, 600), 422),
    "the same size with another root": (AddCheckpoint(300, (), SAME_SIZE_FORK), 422),
    "the same size with a proof": (a_request(300, 300)._replace(hashes=(bytes(32),)), 422),
}


@pytest.mark.parametrize(("request_", "status"), REFUSED.values(), ids=REFUSED.keys())
def test_what_is_wrong_has_its_status_and_changes_nothing(request_: AddCheckpoint, status: int) -> None:
    witness, store = witnessed(300)
    before = dict(store.kept)

    reply = witness.add_checkpoint(request_.encode())

    assert reply.status == status
    assert reply.cause
    assert reply.body == (b"300\n" if status == 409 else b"")
    assert store.kept == before


FIRST: dict[str, tuple[AddCheckpoint, int]] = {
    "a proof where there is nothing to prove from": (a_request(0, 300)._replace(hashes=(bytes(32),)), 422),
    "an empty tree with a root": (AddCheckpoint(0, (), EMPTY_WITH_ROOT), 422),
    "an old size that it never saw": (a_request(5, 300), 409),
}


@pytest.mark.parametrize(("request_", "status"), FIRST.values(), ids=FIRST.keys())
def test_a_first_request_can_be_wrong_too(request_: AddCheckpoint, status: int) -> None:
    store = MemoryWitness()

    assert a_witness(store).add_checkpoint(request_.encode()).status == status
    assert store.kept == {}


HASH = b64encode(bytes(32))
TAIL = b"\n" + GOOD.checkpoint
UNREADABLE = {
    "nothing": b"",
    "a checkpoint alone": GOOD.checkpoint,
    "no blank line": b"old 300\n" + GOOD.checkpoint.replace(b"\n\n", b"\n"),
    "a leading zero": b"old 0300\n" + TAIL,
    "no number": b"old x\n" + TAIL,
    "a sign": b"old +300\n" + TAIL,
    "two spaces": b"old  300\n" + TAIL,
    "another word": b"new 300\n" + TAIL,
    "a number without an end": b"old " + b"1" * 5000 + b"\n" + TAIL,
    "digits of another script": "old ３００\n".encode() + TAIL,
    "a carriage return": b"old 300\r\n" + TAIL,
    "no base64": b"old 300\n*\n" + TAIL,
    "a short hash": b"old 300\nAAAA\n" + TAIL,
    "base64 in another spelling": b"old 300\n" + HASH[:-2] + b"B=\n" + TAIL,
    "64 hashes": b"old 300\n" + (HASH + b"\n") * 64 + TAIL,
    "no checkpoint": b"old 300\n\n",
    "a note that is no checkpoint": b"old 300\n\nhello\n\n" + GOOD.checkpoint.split(b"\n\n")[1],
    "a checkpoint without signatures": b"old 300\n\n" + note.parse(GOOD.checkpoint).text.encode(),
    "a megabyte": b"old 300\n" + b"A" * (1 << 20),
    "a megabyte of signatures": GOOD.encode() + GOOD.checkpoint.split(b"\n\n")[1] * 300,
}


@pytest.mark.parametrize("body", UNREADABLE.values(), ids=UNREADABLE.keys())
def test_what_is_nearly_a_request_is_400(body: bytes) -> None:
    witness, store = witnessed(300)

    reply = witness.add_checkpoint(body)

    assert (reply.status, reply.body) == (400, b"")
    assert peek(store.kept[ORIGIN]).size == 300


@given(st.binary(max_size=400))
def test_any_bytes_are_refused_politely(body: bytes) -> None:
    with pytest.raises(WitnessError):
        parse_request(body)
    assert a_witness().add_checkpoint(body).status == 400


WHOLE = GOOD.encode()


@settings(max_examples=60)
@given(st.integers(0, len(WHOLE) - 1), st.integers(0, 7))
def test_no_request_with_a_changed_bit_is_cosigned_but_for_strangers_signatures(place: int, bit: int) -> None:
    """A bit in the name or id of one signature makes it a stranger's: the other one still holds."""
    witness, _ = witnessed(300)
    changed = bytearray(WHOLE)
    changed[place] ^= 1 << bit

    reply = witness.add_checkpoint(bytes(changed))

    assert reply.status in {200, 400, 403, 404, 409, 422}
    if reply.status == 200:
        assert place >= WHOLE.index("—".encode())
        assert peek(parse_request(bytes(changed)).checkpoint) == peek(GOOD.checkpoint)


@given(st.integers(0, 2**63 - 1), st.lists(st.binary(min_size=32, max_size=32), max_size=63))
def test_reading_undoes_writing(old: int, hashes: list[bytes]) -> None:
    request = AddCheckpoint(old, tuple(hashes), GOOD.checkpoint)

    assert parse_request(request.encode()) == request
    assert len(request.encode()) < MAX_REQUEST_BYTES


# --------------------------------------------------------------------------------------- one atomic step


def test_the_race_of_the_specification_rolls_nothing_back() -> None:
    """Request B of size N+K slips in between the check of A and its swap: A is then told 409."""
    witness, store = witnessed(300)
    replies: list[Reply] = []

    class Slow(MemoryWitness):
        def swap(self, origin: str, expected: bytes | None, new: bytes) -> bool:
            if not replies:
                replies.append(witness.add_checkpoint(a_request(300, 600).encode()))
            return store.swap(origin, expected, new)

        def latest(self, origin: str) -> bytes | None:
            return store.latest(origin)

    late = a_witness(Slow()).add_checkpoint(a_request(300, 400).encode())

    assert replies[0].status == 200
    assert (late.status, late.body) == (409, b"600\n")
    assert peek(store.kept[ORIGIN]).size == 600


def test_many_at_once_never_go_back() -> None:
    store, seen = MemoryWitness(), list[int]()
    witness = a_witness(store)
    swap = store.swap

    def watched(origin: str, expected: bytes | None, new: bytes) -> bool:
        swapped = swap(origin, expected, new)
        if swapped:
            seen.append(peek(new).size)
        return swapped

    store.swap = watched  # type: ignore[method-assign]  # looks over the witness's shoulder

    def push(seed: int) -> None:
        draw = random.Random(seed)
        for _ in range(25):
            kept = store.latest(ORIGIN)
            old = peek(kept).size if kept else 0
            witness.add_checkpoint(a_request(old, old + draw.randint(1, 5)).encode())

    threads = [threading.Thread(target=push, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert seen == sorted(seen)
    assert len(seen) >= 25


def test_a_store_that_never_takes_it_gets_no_cosignature_out() -> None:
    class Never(MemoryWitness):
        def swap(self, origin: str, expected: bytes | None, new: bytes) -> bool:
            return False

    with pytest.raises(ProofError):
        a_witness(Never()).add_checkpoint(a_request(0, 3).encode())


def test_a_store_that_breaks_gets_no_cosignature_out() -> None:
    class Broken(MemoryWitness):
        def swap(self, origin: str, expected: bytes | None, new: bytes) -> bool:
            raise OSError

    with pytest.raises(OSError):  # noqa: PT011 - any of them
        a_witness(Broken()).add_checkpoint(a_request(0, 3).encode())


def test_the_same_checkpoint_again_and_again_costs_no_writing() -> None:
    """Anybody may hand in what is public. After a while it is cosigned anew, as a sign of life."""
    store, clock = MemoryWitness(), [AT]
    witness = Witness(SIGNERS, trusted, store, lambda: clock[0])
    first = witness.add_checkpoint(a_request(0, 300).encode())
    kept = store.kept[ORIGIN]

    again = witness.add_checkpoint(a_request(300, 300).encode())
    assert (again, store.kept[ORIGIN]) == (first, kept)

    clock[0] += timedelta(seconds=5)
    later = witness.add_checkpoint(a_request(300, 300).encode())
    assert later.status == 200
    assert later != first
    assert store.kept[ORIGIN] != kept


def test_a_cosignature_of_ours_that_was_spoilt_is_made_anew() -> None:
    store = MemoryWitness()
    a_witness(store).add_checkpoint(a_request(0, 300).encode())
    good = store.kept[ORIGIN]
    store.kept[ORIGIN] = good[:-8] + (b"AAAA" if good[-8:-4] != b"AAAA" else b"BBBB") + good[-4:]

    assert a_witness(store).add_checkpoint(a_request(300, 300).encode()).status == 200
    kept = note.parse(store.kept[ORIGIN])
    assert holding(kept.text, kept.signatures, OURS, AT).keys() == {each.vkey for each in SIGNERS}


def test_a_key_that_is_new_signs_what_the_old_one_signed_just_now() -> None:
    store = MemoryWitness()
    Witness(SIGNERS[:1], trusted, store, lambda: AT).add_checkpoint(a_request(0, 300).encode())

    reply = a_witness(store).add_checkpoint(a_request(300, 300).encode())

    assert len(read_lines(reply.body)) == 2


def test_the_last_one_is_told_to_monitors() -> None:
    witness, store = witnessed(300)
    wanted = sha256(ORIGIN.encode()).hexdigest()

    assert witness.latest(wanted, [ORIGIN]) == store.kept[ORIGIN]
    assert witness.latest(wanted, []) is None
    assert witness.latest(sha256(b"x").hexdigest(), [ORIGIN]) is None
