"""Rights as they stood, for one replay that goes through a log from front to back."""

from __future__ import annotations

from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Mapping
from typing import Final

from gateway.deeds.standing import Standing
from gateway.domain.cohort import Members
from gateway.in_force import cohorts_of, exempt_of, grants_of, rules_of
from gateway.ports import Rights
from gateway.review.bygone import Bygone
from gateway.watch.threshold_deeds import values_in
from policies.catalogue import Catalogue
from policies.snapshot import compile_rules

_KEPT: Final = 8
"""Control epochs that are remembered: nodes differ by few."""


class Counted(Members):
    """A list of which only the length is known, which is all that the watch asks for."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self._size = size


class HomePasts:
    """Keeps the promise of `gateway.replaying.acting.Pasts` over the deeds of one log.

    A turn of another node may have read the rights before a deed and be recorded behind it: it finds those of its
    control epoch, if anybody was heard by them before.
    """

    def __init__(self, bygone: Bygone, catalogue: Catalogue) -> None:
        self._bygone = bygone
        self._history = list(bygone.history())
        self._standing, self._grown = bygone.build([]), 0
        self._nothing = compile_rules(rules_of(None, {}, catalogue))
        self._known: OrderedDict[int, Rights] = OrderedDict()

    def rights(self, entry: int, epoch: int) -> Rights:
        """See `Pasts`."""
        if epoch not in self._known:
            end = max(self._grown, bisect_left(self._history, entry, key=lambda kept: kept.entry))
            for kept in self._history[self._grown : end]:
                self._bygone.grow(self._standing, kept)
            self._grown = end
            self._known[epoch] = self._of(self._standing, epoch)
            while len(self._known) > _KEPT:
                self._known.popitem(last=False)
        return self._known[epoch]

    def _of(self, standing: Standing, epoch: int) -> Rights:
        """What the watch asks of rights: grants, how long lists are, exceptions. It judges nothing."""
        grants = grants_of(standing)
        cohorts: Mapping[str, Members] = {n: Counted(each.count) for n, each in cohorts_of(standing, grants).items()}
        return Rights(
            epoch,
            self._nothing,
            grants,
            cohorts=cohorts,
            exempt=exempt_of(standing),
            thresholds=values_in(standing),
        )
