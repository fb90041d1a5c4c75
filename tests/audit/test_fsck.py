"""The quick check of stored bytes finds whatever was done to them, and says nothing of what entries mean."""

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from audit.fsck import fsck
from audit.report import Exit, Report
from tests.audit.make import a_checkpoint_of, a_log, a_trust
from tests.audit.test_verify import CHECKPOINTS, SIZE, SIZES, TAMPERED
from tests.fakes_audit import MemoryLedger


def test_an_untouched_log_is_as_it_was_signed() -> None:
    assert fsck(a_log(SIZE), CHECKPOINTS, a_trust()) == Report(SIZE, (), checkpoints=len(SIZES))


@pytest.mark.parametrize("size", [1, 2, 255, 256, 257, 512, 4095, 4096, 4097])
def test_logs_of_any_size_are(size: int) -> None:
    log = a_log(size)

    assert fsck(log, [a_checkpoint_of(log)], a_trust()).verdict is Exit.PROVEN


@pytest.mark.parametrize(("tamper", "first_bad"), TAMPERED.values(), ids=TAMPERED.keys())
def test_whatever_was_done_to_the_bytes_is_found(tamper: Callable[[MemoryLedger], None], first_bad: int | None) -> None:
    log = a_log(SIZE)
    tamper(log)

    report = fsck(log, CHECKPOINTS, a_trust())

    assert report.verdict is Exit.TAMPERED
    assert (report.first_bad is None) == (first_bad is None)
    assert (report.first_bad or 0) <= (first_bad or 0), "whoever reads entries may name a later one, being sure"


def test_what_nobody_signed_is_not_proven() -> None:
    log = a_log(SIZE)

    assert fsck(log, [], a_trust()).verdict is Exit.INCOMPLETE
    assert fsck(log, CHECKPOINTS[:2], a_trust()).verdict is Exit.INCOMPLETE
    assert fsck(MemoryLedger(), [], a_trust()).verdict is Exit.INCOMPLETE


def test_only_the_entries_asked_for_are_looked_at() -> None:
    log = a_log(SIZE)
    log.rows[280] = replace(log.rows[280], entry=b"{}")

    assert fsck(log, CHECKPOINTS, a_trust(), upto=SIZES[-2]).verdict is Exit.PROVEN
    assert fsck(log, CHECKPOINTS, a_trust()).first_bad == 280
