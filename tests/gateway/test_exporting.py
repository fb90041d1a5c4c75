"""Evidence taken out of a real ledger, and verified by the single file alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

import pytest

from audit.entry import JsonValue, decode
from audit.standalone.bundles import verify_bundle
from audit.standalone.trusting import parse_trust
from audit.standalone.verdicts import INCOMPLETE, PROVEN, Report
from gateway.deeds.errors import DeedError
from gateway.domain.errors import UnavailableError
from tests.audit.make import SUBJECT
from tests.gateway.evidence import Evidence
from tests.lives import Life


@pytest.fixture
def evidence(tmp_path: Path) -> Iterator[Evidence]:
    with closing(Life(tmp_path)) as life, closing(Evidence(life)) as made:
        yield made


def verified(evidence: Evidence, content: bytes, now: datetime | None = None) -> Report:
    trust = parse_trust(evidence.log_keys.trust.encode())
    return verify_bundle(BytesIO(content), trust, now=now or evidence.life.now)


def test_a_bundle_is_proven_by_the_single_file(evidence: Evidence) -> None:
    evidence.allow(chain={"of": "payroll", "first": 0, "last": 2}, names=["inner", "rules", "subject"])
    evidence.sign()

    report = verified(evidence, evidence.take())

    assert report.problems == []
    assert report.verdict == PROVEN
    assert any(SUBJECT in line for line in report.opened)
    assert SUBJECT not in repr(report)


def test_what_is_taken_out_is_recorded_first_and_tells_no_value(evidence: Evidence) -> None:
    evidence.allow()
    evidence.sign()
    size = evidence.reader.head().size

    taken = evidence.desk.take(evidence.auditor, "E-1")

    entry = decode(next(evidence.reader.entries(taken.recorded, taken.recorded + 1)))
    assert taken.recorded == size
    assert isinstance(entry, dict)
    assert entry["type"] == "evidence.exported"
    assert SUBJECT.encode() not in next(evidence.reader.entries(size, size + 1))


def test_after_its_last_day_nothing_is_handed_out_and_nothing_is_proven(evidence: Evidence) -> None:
    evidence.allow()
    evidence.sign()
    content = evidence.take()

    assert verified(evidence, content, datetime(2028, 1, 2, tzinfo=UTC)).verdict == INCOMPLETE
    evidence.life.clock.at = datetime(2028, 1, 2, tzinfo=UTC)
    with pytest.raises(DeedError, match="已过失效日期"):
        evidence.take()


def test_nothing_is_handed_out_before_a_checkpoint_covers_it(evidence: Evidence) -> None:
    evidence.allow()
    with pytest.raises(UnavailableError):
        evidence.take()
    evidence.sign()
    evidence.take()


WRONG: dict[str, tuple[dict[str, JsonValue], str]] = {
    "no such entry": ({"entries": [10**9]}, "没有第 1000000000 条"),
    "no such partner": ({"chain": {"of": "nobody", "first": 0, "last": 0}}, "请核对 chain"),
    "longer than the chain": ({"chain": {"of": "payroll", "first": 1, "last": 9}}, "请核对 chain"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_not_there_is_not_shown(evidence: Evidence, case: str) -> None:
    changes, cause = WRONG[case]
    evidence.allow("E-1", **changes)
    evidence.sign()

    with pytest.raises(DeedError, match=cause):
        evidence.take()


def test_without_a_deed_nothing_is_handed_out(evidence: Evidence) -> None:
    evidence.sign()

    with pytest.raises(DeedError, match="没有此编号"):
        evidence.take("E-2")
