"""Statements of days: entries that are no comparisons, broken ones, documents that are none, and operators erased."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime

import pytest

from audit.checkpoint import verifier
from audit.entry import JsonValue, encode
from audit.errors import EntryError, ReceiptError
from audit.packing import unpack, without
from audit.statement import Statement, body_of, bounds, day_of, log_time_of, read_comparison, sign, state, verify
from audit.statement_operators import Acted, acted, digests_of, operator_of, root_of, told
from tests.audit.bundles import EXPORT, drafts, export_deed
from tests.audit.make import AT, OPERATOR, ORIGIN, RECEIPT_SIGNER, a_ledger, an_ed25519_signer
from tests.fakes_audit import MemoryKeys, MemoryLedger

KEYS, LOG = MemoryKeys(), MemoryLedger()
a_ledger(keys=KEYS).append(LOG, drafts(export_deed()), AT)
ANSWER, REFUSAL = LOG.rows[1].entry, LOG.rows[3].entry
VERIFIER = verifier(RECEIPT_SIGNER.vkey)


def test_comparisons_are_read_and_nothing_else() -> None:
    read = [read_comparison(row.entry, ORIGIN) for row in LOG.rows]

    assert [each is not None for each in read] == [False, True, True, True, True, True, False, False, False]
    assert [each.reason for each in read if each] == ["", "", "held", "", ""]
    assert read_comparison(ANSWER.replace(b"comparison.answered", b"comparison.imagined"), ORIGIN) is None


def changed(entry: bytes, name: str, value: JsonValue) -> bytes:
    return encode(json.loads(entry) | {name: value})


BROKEN = {
    "cut off": ANSWER[:-1],
    "no UTF-8": ANSWER.replace(b"payroll", b"payrol\xff"),
    "a number that is a text": changed(ANSWER, "seq", "1"),
    "a body that is a text": changed(ANSWER, "body", "x"),
    "a body of nothing": changed(REFUSAL, "body", {}),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_comparison_is_no_other_entry(case: str) -> None:
    with pytest.raises(EntryError, match="members of one"):
        read_comparison(BROKEN[case], ORIGIN)


def test_an_entry_without_a_time_has_none() -> None:
    assert log_time_of(ANSWER) == LOG.rows[1].time
    for content in (b"{}", b"rubbish", b'{"log_time":1}', b"\xff"):
        with pytest.raises(EntryError, match="without a time"):
            log_time_of(content)


def a_statement() -> Statement:
    comparisons = [
        each for row in LOG.rows if row.partner == "payroll" for each in [read_comparison(row.entry, ORIGIN)]
    ]
    return state(
        [each for each in comparisons if each],
        origin=ORIGIN,
        partner="payroll",
        system="client:payroll-1",
        day=date(2025, 2, 1),
        before=EXPORT,
        operators=root_of([]),
    )


SIGNED = sign(a_statement(), RECEIPT_SIGNER)
TOLD = json.loads(SIGNED)


def test_a_statement_is_signed_and_says_what_was_counted() -> None:
    body = json.loads(verify(SIGNED, VERIFIER))

    assert (body["answered"]["count"], body["refused"]["count"]) == (3, 1)
    assert (body["from"], body["until"]) == ("2025-01-31T16:00:00Z", "2025-02-01T16:00:00Z")
    assert day_of(datetime(2025, 1, 31, 16, tzinfo=UTC)) == date(2025, 2, 1)
    assert bounds(date(2025, 2, 1))[0] == datetime(2025, 1, 31, 16, tzinfo=UTC)


DOCUMENTS: dict[str, object] = {
    "a list": [],
    "another type": TOLD | {"type": "bidui-receipt/1"},
    "a member more": TOLD | {"more": 1},
    "no signature": {name: value for name, value in TOLD.items() if name != "signature"},
    "a signature that is none": TOLD | {"signature": "!"},
    "a body of fewer members": TOLD | {"body": {"v": 1}},
}


@pytest.mark.parametrize("case", DOCUMENTS)
def test_what_is_no_statement_is_refused(case: str) -> None:
    document = json.dumps(DOCUMENTS[case]).encode()

    with pytest.raises(ReceiptError, match="not a statement"):
        body_of(document)
    with pytest.raises(ReceiptError, match="not a statement"):
        verify(document, VERIFIER)


def test_a_statement_of_another_key_or_day_does_not_hold() -> None:
    for document, key in (
        (SIGNED, verifier(an_ed25519_signer(seed="stranger").vkey)),
        (SIGNED.replace(b'2025-02-01"', b'2025-02-02"', 1), VERIFIER),
    ):
        with pytest.raises(ReceiptError, match="was changed"):
            verify(document, key)


# ---------------------------------------------------------------------------------------- who acted


def test_an_operator_is_found_where_the_entry_has_one() -> None:
    found = operator_of(LOG.rows[1].id, LOG.rows[1].disclosures, KEYS)

    assert found is not None
    assert found.reveal() == OPERATOR
    assert operator_of(LOG.rows[1].id, b"", KEYS) is None
    assert operator_of(LOG.rows[1].id, _without_operator(LOG.rows[1].disclosures), KEYS) is None


def _without_operator(packed: bytes) -> bytes:
    return without(packed, [each.label for each in unpack(packed) if each.name == "operator"])


def test_counts_open_to_what_was_signed_until_the_operator_is_erased() -> None:
    disclosures = [operator_of(row.id, row.disclosures, KEYS) for row in LOG.rows[1:4]]
    listed = acted([(each, True) for each in disclosures[:2]] + [(disclosures[2], False), (None, True)])
    digests = digests_of(listed)

    assert [(each.operator, each.answered, each.refused) for each in listed] == [(OPERATOR, 2, 1)]
    assert OPERATOR not in repr(listed)
    assert told(listed, digests) == {"opened": [listed[0].members()], "digests": [digests[0].hex()]}
    assert told([Acted(OPERATOR, 3, 0, listed[0].salt)], digests)["opened"] == []
    assert root_of(digests) != root_of([])
