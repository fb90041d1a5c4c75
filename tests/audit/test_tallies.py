"""Tallies: what the hours are told with the entries is what the entries say."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from audit.events import Draft
from audit.tallies import Count, Place, hour_text, recount
from tests.audit.make import a_ledger, a_refusal, an_answer, an_opening
from tests.fakes_audit import MemoryLedger

START = datetime(2025, 12, 31, 22, 59, 59, 999_998, tzinfo=UTC)
DRAFTS = st.sampled_from([an_answer("payroll"), an_answer("pension"), a_refusal("payroll"), a_refusal("pension")])
TURNS = st.lists(st.tuples(st.integers(0, 3 * 3600), st.lists(DRAFTS, min_size=1, max_size=5)), max_size=6)


def recorded(turns: list[tuple[int, list[Draft]]]) -> tuple[MemoryLedger, dict[Place, Count]]:
    """A ledger with these turns, each some seconds after the one before, and what its batches told of their hours."""
    store, ledger, at = MemoryLedger(), a_ledger(), START
    ledger.append(store, [an_opening()], at)
    for seconds, drafts in turns:
        at += timedelta(seconds=seconds)
        ledger.append(store, drafts, at)
    return store, store.counts


@given(TURNS)
def test_what_is_told_with_the_entries_is_what_they_say(turns: list[tuple[int, list[Draft]]]) -> None:
    store, told = recorded(turns)

    assert recount(store.entries(0, store.head().size)) == told
    assert sum(count.entries for count in told.values()) == sum(len(drafts) for _, drafts in turns)


def test_a_turn_across_the_hour_is_counted_in_both() -> None:
    _, told = recorded([(0, [an_answer(), an_answer(), a_refusal()])])

    hour = int(START.timestamp()) // 3600
    assert {place.hour for place in told} == {hour, hour + 1}
    assert hour_text(hour + 1) == "2025-12-31T23:00:00Z"


def test_an_answer_counts_as_its_subject_and_a_refusal_as_its_reason() -> None:
    _, told = recorded([(60, [an_answer(), a_refusal()])])

    assert {(place.grant, place.told, count) for place, count in told.items()} == {
        ("G-2025-0001", "confirmed", Count(1, 2)),
        ("G-2025-0001", "held", Count(1, 2)),
    }


def test_what_cannot_be_read_counts_as_nothing() -> None:
    assert (
        recount([b'{"type":"comparison.answered"', b'{"type":"comparison.other","log_time":"2025-01-01T00:00:00Z"}'])
        == {}
    )
    (row,) = a_ledger().append(MemoryLedger(), [an_opening()], START)
    assert recount([row.entry.replace(b'"type":"log.opened"', b'"type":"comparison.imagined"')]) == {}
