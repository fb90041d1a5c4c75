"""The bench of the search measures what it says, on a size at which no figure means anything."""

from __future__ import annotations

from pathlib import Path

from ops.bench.trail import Sizes, measure


def test_the_index_grows_and_every_kind_of_search_is_timed(tmp_path: Path) -> None:
    sizes = Sizes(entries=600, searches=2)

    first, again = measure(tmp_path, sizes), measure(tmp_path, sizes)

    for report in (first, again):
        assert report.tables["index"]["bytes an entry"].median > 0
        assert len(report.tables["milliseconds a search"]) == 18
        assert [check.what for check in report.checks] == ["slowest p95 of a search, ms"]
