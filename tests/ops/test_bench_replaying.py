"""The bench of replays measures what it says, on a size at which no figure means anything."""

from __future__ import annotations

from pathlib import Path

from ops.bench.replaying import Sizes, measure


def test_a_ledger_is_read_replayed_and_weighed(tmp_path: Path) -> None:
    report = measure(tmp_path, Sizes(entries=200))

    assert set(report.tables["entries a second"]) == {"read and opened", "replayed", "weighed under two sets"}
    assert all(each.median > 0 for each in report.tables["entries a second"].values())
    assert [check.what for check in report.checks] == ["entries replayed a second"]
