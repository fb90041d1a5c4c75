"""The bench of rules measures what it says, on a size at which no figure means anything."""

from __future__ import annotations

from pathlib import Path

from ops.bench.policy import Sizes, measure
from policies.catalogue import load_catalogue


def test_publishing_and_judging_are_measured_apart(tmp_path: Path) -> None:
    report = measure(tmp_path, Sizes(rules=600, departments=6))

    assert report.sizes["expectations"] == 6 * 4 * 3 * len(load_catalogue().fields)
    assert report.tables["publishing, s"].keys() == {"load", "compile", "check", "comparison"}
    assert len(report.tables["decision of five fields, µs"]) == 4
    assert {check.most for check in report.checks} == {20.0, 3.0}
