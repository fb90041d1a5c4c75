"""Which responses of the watch lie on something: the last that was laid there, unless a later deed released it.

Later by the entries of the ledger: times would not do, clocks stand still and step back. The same for turns as for
explanations of old decisions, which ask what lay there before an entry.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from gateway.deeds.releasing import Release
from gateway.domain.standing import Stop


def lying(stops: Iterable[Stop], releases: Iterable[Release], before: int | None = None) -> Mapping[str, Stop]:
    """By target. `before` is an entry: what lay there when it was written."""
    known = [each for each in releases if before is None or each.entry < before]
    laid = (each for each in stops if before is None or each.entry < before)
    last = {each.target: each for each in sorted(laid, key=lambda stop: stop.entry)}
    return {target: stop for target, stop in last.items() if not any(releases_it(each, stop) for each in known)}


def releases_it(release: Release, stop: Stop) -> bool:
    """Whether a release ends a response. One that names no incident was signed before releases named any."""
    is_later = release.target == stop.target and release.entry > stop.entry
    return is_later and release.incident in {"", stop.incident}
