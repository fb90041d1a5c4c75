"""The short way to read an answer accepts nothing that the long way would not, and everything that we write."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.answer_form import read_answer
from audit.entry import MAX_INTEGER, decode
from audit.report import Exit, Findings
from audit.scan import EntryScan
from audit.suite import INTL
from tests.audit.make import ORIGIN, a_log, a_refusal

LOG = a_log(6)
ENTRY = LOG.rows[3].entry


def test_it_reads_what_we_write() -> None:
    for row in LOG.rows[1:]:
        answer = read_answer(row.entry)
        assert answer is not None
        assert (answer.seq, answer.partner, answer.log_time) == (row.index, row.partner, row.time)


def test_it_leaves_other_kinds_to_the_long_way() -> None:
    assert read_answer(LOG.rows[0].entry) is None
    assert a_refusal().type == "comparison.refused"


@given(st.integers(0, len(ENTRY) - 1), st.integers(0, 255), st.booleans())
def test_one_byte_changed_or_put_in_is_read_the_same_by_both_or_by_the_long_way(
    place: int, byte: int, put: bool
) -> None:
    changed = ENTRY[:place] + bytes([byte]) + ENTRY[place + (not put) :]

    if read_answer(changed) is not None:
        decode(changed)  # raises when it is not canonical


def spelled(**changes: object) -> bytes:
    return json.dumps(json.loads(ENTRY) | changes, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


NEARLY = {
    "a number too large": spelled(seq=MAX_INTEGER + 1),
    "a member more": spelled(more=1),
    "a disclosure less": spelled(_sd=json.loads(ENTRY)["_sd"][1:]),
    "a time of another length": spelled(time="2025-01-01T00:00:00Z"),
    "Chinese": spelled(node="节点"),
    "another order": ENTRY.replace(b'"claims":2,"rows":1', b'"rows":1,"claims":2'),
    "a member twice": ENTRY.replace(b'"rows":1', b'"rows":1,"rows":1'),
    "a blank": ENTRY.replace(b'"v":1}', b'"v":1} '),
    "an escape": ENTRY.replace(b'"node-1"', b'"node\\u002d1"'),
    "a float": ENTRY.replace(b'"v":1}', b'"v":1.0}'),
    "nothing": b"",
}


@pytest.mark.parametrize("content", NEARLY.values(), ids=NEARLY)
def test_what_is_nearly_of_the_form_is_not(content: bytes) -> None:
    assert read_answer(content) is None


@pytest.mark.parametrize("is_brief", [True, False])
def test_both_ways_find_the_same(is_brief: bool) -> None:
    cases = {
        "another number": spelled(seq=4),
        "another suite": spelled(suite="gm"),
        "too early": spelled(log_time="2024-01-01T00:00:00.000000Z", time="2024-01-01T00:00:00.000000Z"),
        "decided later than written": spelled(time="2029-01-01T00:00:00.000000Z"),
        "another place in the chain": spelled(pseq=7),
        "hanging on another entry": spelled(pprev="00" * 32),
    }
    for name, content in cases.items():
        findings = Findings()
        scan = EntryScan(ORIGIN, INTL, findings, is_brief=is_brief)
        for row in LOG.rows[:3]:
            scan.take(row.index, row.entry, row.leaf)
        assert not findings.all()
        scan.take(3, content, LOG.rows[3].leaf)
        assert {each.verdict for each in findings.all()} == {Exit.TAMPERED}, name
        assert len(findings.all()) == 1, name
