"""Answers kept for a repeat: found by the caller's key, opened by nothing less."""

from __future__ import annotations

import pytest
from cryptography.exceptions import InvalidTag
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.reply import Request
from gateway.idempotency import KEPT_SECONDS, Idempotency, Slot
from gateway.ports import Remembered
from tests.fakes_audit import CountingEntropy
from tests.make import NOW, a_caller, a_request

AT = int(NOW.timestamp())
ANSWER = b'{"subject":"confirmed"}'
OURS = Idempotency(b"i" * 32, CountingEntropy())


def remembered(request: Request) -> Remembered:
    (kept,) = OURS.remember([(OURS.slot(request), request, ANSWER)], AT)
    return kept


def test_an_answer_comes_back_to_the_request_it_was_given_to() -> None:
    request = a_request(key="k")
    kept = remembered(request)

    assert kept.key == OURS.slot(request).name
    assert kept.expires == AT + KEPT_SECONDS == AT + 24 * 3600
    assert OURS.is_repeat(OURS.slot(request), request, kept)
    assert OURS.recall(OURS.slot(request), kept) == ANSWER


def test_another_body_is_no_repeat() -> None:
    request = a_request(1, key="k")
    kept = remembered(request)

    for other in (a_request(2, key="k"), a_request(1, purpose="other", key="k")):
        assert not OURS.is_repeat(OURS.slot(other), other, kept)


KEYS = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=128)
CLIENTS = st.from_regex(r"[a-z][a-z0-9_-]{0,39}", fullmatch=True)


@given(CLIENTS, KEYS, CLIENTS, KEYS)
def test_two_keys_or_two_systems_never_meet(client: str, key: str, other_client: str, other_key: str) -> None:
    one = OURS.slot(a_request(caller=a_caller(client=client), key=key))
    two = OURS.slot(a_request(caller=a_caller(client=other_client), key=other_key))

    assert (one == two) == ((client, key) == (other_client, other_key))
    assert (one.name == two.name) == (one == two)


@given(CLIENTS, KEYS, st.integers(1, 39))
def test_letters_do_not_move_between_client_and_key(client: str, key: str, split: int) -> None:
    joined = client + key
    one = OURS.slot(a_request(caller=a_caller(client=client), key=key))
    moved = OURS.slot(a_request(caller=a_caller(client=joined[:split] or "x"), key=joined[split:] or "x"))

    assert (one == moved) == (split == len(client))


def test_the_database_alone_opens_nothing() -> None:
    request = a_request(key="the caller's own key")
    kept = remembered(request)
    columns = (kept.key, kept.body, kept.answer)
    guesses = [(part * 4)[:32] for part in columns] + [b"i" * 32]

    assert not [column for column in columns if ANSWER in column or b"caller" in column]
    for guess in guesses:
        with pytest.raises(InvalidTag):
            OURS.recall(Slot(kept.key, guess), kept)


@pytest.mark.parametrize(
    "stranger",
    [
        OURS.slot(a_request(key="another key")),
        OURS.slot(a_request(key="k", caller=a_caller(client="hr-2"))),
        Idempotency(b"j" * 32, CountingEntropy()).slot(a_request(key="k")),
    ],
    ids=["another key", "another system", "another secret"],
)
def test_an_answer_opens_for_nobody_else(stranger: Slot) -> None:
    request = a_request(key="k")
    kept = remembered(request)

    with pytest.raises(InvalidTag):
        OURS.recall(stranger, kept)


def test_a_row_moved_under_another_name_does_not_open() -> None:
    one, two = a_request(key="one"), a_request(key="two")
    kept = remembered(one)

    with pytest.raises(InvalidTag):
        OURS.recall(Slot(OURS.slot(two).name, OURS.slot(one).key), kept)


def test_equal_answers_do_not_look_alike() -> None:
    request = a_request(key="k")
    one, two = (remembered(request) for _ in range(2))

    assert one.answer != two.answer


def test_a_slot_hides_its_key() -> None:
    slot = OURS.slot(a_request(key="k"))

    assert slot.key.hex() not in repr(slot)
    assert repr(slot.key) not in repr(slot)
