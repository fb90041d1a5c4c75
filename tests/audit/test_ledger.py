"""The ledger: places, times and links, however the drafts come in."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.entry import MAX_ENTRY_BYTES, decode, leaf_hash
from audit.errors import LedgerError
from audit.events import MAX_BODY_BYTES, Draft
from audit.frames import SLOTS
from audit.ledger import EMPTY_HEAD, Head, Ledger, Recorded
from audit.tree import StoredTree, split
from tests.audit.make import AT, OPERATOR, SUBJECT, a_ledger, a_log, a_refusal, an_answer, an_opening, last
from tests.fakes_audit import CountingEntropy, MemoryKeys, MemoryLedger


def members(recorded: Recorded) -> dict[str, Any]:
    return cast("dict[str, Any]", decode(recorded.entry))


def written(*batches: Sequence[Draft], at: datetime = AT) -> MemoryLedger:
    store, ledger = MemoryLedger(), a_ledger()
    for batch in batches:
        ledger.append(store, batch, at)
    return store


def test_an_entry_is_canonical_and_has_its_place() -> None:
    store = written([an_opening()], [an_answer(), a_refusal("pension")])

    for index, row in enumerate(store.rows):
        entry = members(row)
        assert entry["seq"] == row.index == index
        assert entry["id"] == row.id
        assert entry["type"] == row.type
        assert entry["log_time"] == row.time
        assert entry["suite"] == "intl"
        assert entry["node"] == "node-1"
        assert entry["v"] == 1
        assert entry["body"] == decode([an_opening(), an_answer(), a_refusal("pension")][index].body)
        assert row.leaf == leaf_hash(row.entry)


def test_the_head_is_that_of_the_entries() -> None:
    store = a_log(300)

    assert store.head().size == 300
    assert split(store.head().frontier) == StoredTree(300, store.hashes).frontier()


@given(st.lists(st.integers(1, 90), max_size=6), st.randoms(use_true_random=False))
def test_batches_give_the_same_chains_and_the_same_tree_over_them(batches: list[int], random: Any) -> None:
    partners = ["a", "b", None]
    store, ledger = MemoryLedger(), a_ledger()
    ledger.append(store, [an_opening()], AT)
    for size in batches:
        chosen = [random.choice(partners) for _ in range(size)]
        drafts = [Draft("key.trusted", None, b"{}") if name is None else an_answer(name) for name in chosen]
        ledger.append(store, drafts, AT)

    chains: dict[str, list[Recorded]] = {}
    for row in store.rows:
        if row.partner is not None:
            chains.setdefault(row.partner, []).append(row)
    for name, chain in chains.items():
        assert [members(row)["pseq"] for row in chain] == list(range(len(chain)))
        assert [members(row)["pprev"] for row in chain] == [None, *(row.leaf.hex() for row in chain[:-1])]
        assert store.partners[name] == (len(chain), chain[-1].leaf)
    assert split(store.head().frontier) == StoredTree(len(store.rows), store.hashes).frontier()
    assert len(store.tiles) == len(store.rows) // 256


def test_an_entry_of_no_partner_stands_in_no_chain() -> None:
    entry = members(written([an_opening()]).rows[0])

    assert not {"partner", "pseq", "pprev"} & entry.keys()


def test_times_increase_strictly_within_a_batch() -> None:
    store = written([an_opening(), *[an_answer()] * 20])

    times = [row.time for row in store.rows]
    assert times == sorted(set(times))
    assert times[0] == "2025-01-31T16:30:00.123456Z"
    assert times[20] == "2025-01-31T16:30:00.123476Z"
    assert {members(row)["time"] for row in store.rows} == {times[0]}


@pytest.mark.parametrize("back", [timedelta(), timedelta(microseconds=1), timedelta(days=1), timedelta(days=4000)])
def test_times_increase_although_the_clock_steps_back(back: timedelta) -> None:
    store, ledger = written([an_opening()]), a_ledger()

    (recorded,) = ledger.append(store, [an_answer()], AT - back)

    assert recorded.time == "2025-01-31T16:30:00.123457Z"
    assert recorded.log_time == store.rows[0].log_time + 1


def test_two_ledgers_with_skewed_clocks_make_one_log() -> None:
    store = written([an_opening()])
    ahead, behind = a_ledger("ahead"), a_ledger("behind")

    for turn in range(10):
        ahead.append(store, [an_answer()], AT + timedelta(hours=1, seconds=turn))
        behind.append(store, [a_refusal()], AT - timedelta(hours=1, seconds=turn))

    times = [row.log_time for row in store.rows]
    assert times == sorted(set(times))
    assert [members(row)["seq"] for row in store.rows] == list(range(21))


@pytest.mark.parametrize(
    ("at", "text"),
    [
        (datetime(2038, 1, 19, 3, 14, 8, 999999, tzinfo=UTC), "2038-01-19T03:14:08.999999Z"),
        (datetime(2106, 2, 7, 6, 28, 16, tzinfo=UTC), "2106-02-07T06:28:16.000000Z"),
        (datetime.fromisoformat("2025-06-01T08:00:00.000001+08:00"), "2025-06-01T00:00:00.000001Z"),
    ],
)
def test_times_are_utc_to_the_microsecond(at: datetime, text: str) -> None:
    assert written([an_opening()], at=at).rows[0].time == text


def test_ids_are_uuid7_and_never_repeat() -> None:
    store = a_log(300)

    ids = [UUID(row.id) for row in store.rows]
    assert len(set(ids)) == 300
    assert {(each.version, each.variant) for each in ids} == {(7, "specified in RFC 4122")}
    assert [each.int >> 80 for each in ids] == [row.log_time // 1000 for row in store.rows]


def test_a_log_begins_with_its_opening_entry() -> None:
    store = MemoryLedger()

    with pytest.raises(LedgerError, match="bidui init"):
        a_ledger().append(store, [an_answer()], AT)
    assert store.head() == EMPTY_HEAD


@pytest.mark.parametrize("drafts", [[an_opening()], [an_answer(), an_opening()]], ids=["first", "later"])
def test_a_log_has_no_second_opening_entry(drafts: list[Draft]) -> None:
    store = a_log(3)

    with pytest.raises(LedgerError):
        a_ledger().append(store, drafts, AT)
    assert store.head().size == 3


def test_two_openings_at_once_are_refused() -> None:
    with pytest.raises(LedgerError):
        written([an_opening(), an_opening()])


def test_no_drafts_lock_nothing() -> None:
    class Untouchable(MemoryLedger):
        def lock_head(self) -> Head:
            raise AssertionError("locked")

    assert a_ledger().append(Untouchable(), [], AT) == []


def test_an_entry_too_long_is_refused_before_anything_is_stored() -> None:
    store = a_log(2)
    long = Draft("deed.signed", "p" * (MAX_ENTRY_BYTES - MAX_BODY_BYTES), b'"%b"' % (b"x" * (MAX_BODY_BYTES - 2)))

    with pytest.raises(LedgerError, match="too long"):
        a_ledger().append(store, [an_answer(), long], AT)
    assert store.head().size == len(store.rows) == 2


def test_a_partners_name_is_written_as_json() -> None:
    store = written([an_opening()], [an_answer('人社 "a"\n')])

    assert members(last(store.rows))["partner"] == '人社 "a"\n'


def test_no_personal_value_is_in_clear_anywhere() -> None:
    store = written([an_opening()], [an_answer(), a_refusal()])

    for row in store.rows:
        for secret in (SUBJECT, OPERATOR, "grant_day", "watch-per-hour"):
            assert secret.encode() not in row.entry + row.disclosures
            assert secret not in repr(row)


def test_entries_of_a_kind_are_equally_long_whatever_they_hide() -> None:
    store = written([an_opening()], [an_answer(subject="1", cause="c"), an_answer(subject="2" * 32, cause="cause" * 9)])
    _, one, other = store.rows

    assert len(one.disclosures) == len(other.disclosures)
    assert len(one.entry) - len(other.entry) == len("null") - len('"%s"' % ("0" * 64))


def test_a_month_has_its_own_key() -> None:
    keys = MemoryKeys()
    store, ledger = MemoryLedger(), a_ledger(keys=keys)

    ledger.append(store, [an_opening()], AT)
    ledger.append(store, [an_answer()], AT + timedelta(days=1))
    ledger.append(store, [an_answer()], AT + timedelta(days=1))

    assert list(keys.kept) == ["2025-01", "2025-02"]


def test_a_batch_draws_its_entropy_once() -> None:
    drawn: list[int] = []
    counting = CountingEntropy()

    def entropy(size: int) -> bytes:
        drawn.append(size)
        return counting(size)

    store = MemoryLedger()
    Ledger(node="n", keys=MemoryKeys(), entropy=entropy).append(store, [an_opening(), *[an_answer()] * 9], AT)

    assert len(drawn) == 1
    digests = [digest for row in store.rows for digest in members(row)["_sd"]]
    assert len(set(digests)) == 10 * SLOTS
    assert all(re.fullmatch(r"[\w-]{43}", digest, re.ASCII) for digest in digests)
