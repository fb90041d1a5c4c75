"""Keys that replace one another: what a trust file may become, and what the log's own entries say of it."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from audit.care_events import Decided, key_ended, key_trusted
from audit.entry import JsonValue, encode
from audit.errors import NoteError
from audit.events import Draft
from audit.rotation import CHECKPOINT, RECEIPT, boundary, bring_in, differences, end, find, follow, replaced
from audit.trust import Trust, TrustedKey
from tests.audit.make import AT, LOG_SIGNERS, ORIGIN, RECEIPT_SIGNER, a_ledger, a_log, a_trust, an_ed25519_signer

OLD, PQ = (signer.vkey for signer in LOG_SIGNERS)
NEW, NEWER = (an_ed25519_signer(seed=seed).vkey for seed in ("new", "newer"))
FOUNDING = a_trust()
BOTH = bring_in(FOUNDING, TrustedKey(NEW, CHECKPOINT, 10))
AFTER = end(BOTH, OLD, 20)
DECIDED = Decided("ab" * 32, ["bb-xitong", "bb-shenji"])


def test_a_key_comes_in_beside_the_old_one_which_ends_then() -> None:
    assert [each.vkey for each in BOTH.verifiers(CHECKPOINT, 15)] == [OLD, PQ, NEW]
    assert [each.vkey for each in AFTER.verifiers(CHECKPOINT, 20)] == [PQ, NEW]
    assert [(old.vkey, new.vkey) for old, new in replaced(BOTH)] == [(OLD, NEW)]
    assert replaced(FOUNDING) == replaced(AFTER) == []
    assert end(AFTER, OLD, 20) == AFTER
    assert (boundary(CHECKPOINT, 7), boundary(RECEIPT, 7)) == (8, 7)


REFUSED: dict[str, tuple[Callable[[], object], str]] = {
    "a key that is there": (lambda: bring_in(FOUNDING, TrustedKey(OLD, CHECKPOINT, 10)), "already"),
    "a key that ended": (lambda: bring_in(AFTER, TrustedKey(OLD, CHECKPOINT, 30)), "never comes back"),
    "a key from before another's end": (
        lambda: bring_in(AFTER, TrustedKey(NEWER, CHECKPOINT, 19)),
        "would begin before",
    ),
    "the end of a key nobody knows": (lambda: end(FOUNDING, NEW, 20), "not in the trust file"),
    "the end of the last of its make": (lambda: end(FOUNDING, OLD, 20), "goes on without it"),
    "the end of the last but for another purpose": (
        lambda: end(bring_in(FOUNDING, TrustedKey(NEW, RECEIPT, 10)), OLD, 20),
        "goes on without it",
    ),
    "an end before the beginning": (lambda: end(BOTH, NEW, 10), "goes on without it"),
    "another end": (lambda: end(AFTER, OLD, 21), "ended at 20 already"),
    "a key that is not there": (lambda: find(FOUNDING, NEW), "not in the trust file"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_would_leave_a_gap_or_bring_back_the_dead_is_refused(case: str) -> None:
    act, cause = REFUSED[case]

    with pytest.raises(NoteError, match=cause):
        act()


def told(*drafts: Draft) -> list[bytes]:
    """The entries that say so."""
    log = a_log(3)
    return [row.entry for row in a_ledger("keys").append(log, drafts, AT)]


def trusted(vkey: str = NEW, at: int = 10) -> Draft:
    return key_trusted(purpose=CHECKPOINT, vkey=vkey, from_index=at, decided=DECIDED)


def ended(vkey: str = OLD, at: int = 20) -> Draft:
    return key_ended(purpose=CHECKPOINT, vkey=vkey, until=at, successor=NEW, decided=DECIDED)


def test_the_log_itself_tells_who_signs() -> None:
    entries = [*told(trusted()), *(row.entry for row in a_log(2).rows), *told(ended())]

    assert follow(FOUNDING, entries) == AFTER
    assert follow(BOTH, told(trusted(), ended())) == AFTER
    assert differences(AFTER, entries) == []
    assert differences(FOUNDING, []) == []


def test_a_trust_file_that_is_old_or_of_another_making_is_told() -> None:
    entries = told(trusted(), ended())

    assert len(differences(FOUNDING, entries)) == 2
    assert len(differences(BOTH, told(trusted()))) == 0
    assert len(differences(AFTER, told(trusted()))) == 1
    assert len(differences(BOTH, [])) == 1
    assert ["do not fit the trust file" in each for each in differences(AFTER, told(ended()))] == [True]


def odd(entry: bytes, **changes: JsonValue) -> bytes:
    """The entry with a member of its body otherwise."""
    members = json.loads(entry)
    return encode(members | {"body": {n: v for n, v in (members["body"] | changes).items() if v is not None}})


COMES, GOES = told(trusted(), ended())
UNREADABLE: dict[str, tuple[bytes, str]] = {
    "no JSON": (b"rubbish", "cannot be read"),
    "a list": (b"[]", "cannot be read"),
    "no body": (b"{}", "cannot be read"),
    "a body that is a text": (b'{"body":"x","type":"key.ended"}', "cannot be read"),
    "no key": (odd(COMES, vkey=None), "says nothing of its vkey"),
    "a key that is a number": (odd(COMES, vkey=7), "says nothing of its vkey"),
    "no purpose": (odd(COMES, purpose=None), "says nothing of its purpose"),
    "no beginning": (odd(COMES, from_index=None), "says nothing of its from_index"),
    "a beginning that is a truth": (odd(COMES, from_index=True), "says nothing of its from_index"),
    "an end that is a text": (odd(GOES, until="20"), "says nothing of its until"),
    "a key that is none": (odd(COMES, vkey="x+y+z"), "base64|verifier key"),
    "the end of a key nobody knows": (odd(GOES, vkey=NEWER), "not in the trust file"),
}


@pytest.mark.parametrize("case", UNREADABLE)
def test_what_no_log_of_ours_says_is_not_followed(case: str) -> None:
    content, cause = UNREADABLE[case]

    with pytest.raises(NoteError, match=cause):
        follow(BOTH, [content])


def test_a_trust_file_of_the_receipt_key_alone_knows_no_checkpoints() -> None:
    trust = Trust(ORIGIN, (TrustedKey(RECEIPT_SIGNER.vkey, RECEIPT),))

    assert trust.verifiers(CHECKPOINT, 0) == []
    assert find(trust, RECEIPT_SIGNER.vkey).purpose == RECEIPT
