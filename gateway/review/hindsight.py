"""A decision of the ledger, explained by the rights and the rulebook version that made it.

The ledger tells the class of the network, never an address; the operator and the inner cause are encrypted and stay
so. What is not known is taken to be as it should and told as not opened. So an answer must come out again exactly; a
refusal may also have its cause in what is not opened, and then this says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

from audit.erased import erased_at
from audit.reader import LedgerReader, read_leaves, suite_of_log
from audit.stamps import microseconds, text
from gateway.deeds.deed import Deed
from gateway.domain.errors import UnavailableError
from gateway.domain.grant import SHANGHAI
from gateway.domain.incident import HABITS, Incident
from gateway.domain.spot_check import SpotCheck
from gateway.domain.standing import Stop
from gateway.grants import STEPPED_UP
from gateway.in_force import NO_DIGEST
from gateway.review.asking import Question
from gateway.review.bygone import Bygone, Then, log_time
from gateway.review.decisions import Decision, addresses, read_decision
from gateway.review.explained import Explained
from gateway.review.explaining import RULEBOOK, Explaining, When
from policies.conditions import Block
from policies.decision import PolicyVersion, Reason
from policies.rulebook import Rulebook

_NOT_IN_CLEAR: Final = frozenset({"unknown_operator", "no_matter"})
MAX_BETWEEN: Final = 4
"""How many deeds may have come into force between a turn's beginning and its entry."""
_OF_BUDGETS: Final = frozenset({Reason.QUOTA.value, Reason.HELD.value})
_BY_WATCH: Final = frozenset({Reason.HELD.value, Reason.FROZEN.value})


class Agrees(StrEnum):
    """Whether what was decided follows from the rights as they stood."""

    SAME = "same"
    OPEN = "open"
    """A refusal that the rights alone do not make: its cause is encrypted, and among what is not opened here."""
    ERASED = "erased"
    """The same, and its cause was erased: nobody can replay it any more."""
    DIFFERS = "differs"


@dataclass(frozen=True, kw_only=True)
class Recalled:
    """One decision with its explanation. `address` stands for the network; empty where none is registered."""

    decision: Decision
    explained: Explained
    address: str
    is_secret: bool
    agrees: Agrees
    differences: tuple[str, ...]
    erased: Mapping[str, int] = field(default_factory=dict[str, int])
    """Its disclosures that were erased, each with the entry that says so."""

    def as_document(self) -> dict[str, object]:
        """For JSON. Whether a field matched is not told: that is nobody's question here."""
        found = self.decision
        return {
            "decision": {
                "entry": found.entry,
                "at": found.at.astimezone(SHANGHAI).isoformat(timespec="seconds"),
                "partner": found.partner,
                "client": found.client,
                "grant": found.grant,
                "purpose": found.purpose,
                "claims": [{"field": key, "comparator": op} for key, op in found.claims],
                "network": found.network,
                "address": self.address,
                "policy": {"number": found.policy.number, "digest": found.policy.digest},
                "rules": list(found.rules),
                "refused": found.refused,
                "incident": found.incident,
                "permitted": sorted(found.permitted),
            },
            **self.explained.as_document(),
            "agrees": self.agrees.value,
            "differences": list(self.differences),
            "erased": [{"name": name, "by": by} for name, by in sorted(self.erased.items())],
            "zh": self._told(),
        }

    def _told(self) -> str:
        by = max(self.erased.values(), default=0)
        gone = f"。{'、'.join(sorted(self.erased))} 已由第 {by} 条删除" if self.erased else ""
        return f"{_AGREES_ZH[self.agrees]}{gone}"


_AGREES_ZH: Final = {
    Agrees.SAME: "按当时的权利和规则册解释，结论与记录一致。来源地址没有记录，以该类网络的代表地址核对",
    Agrees.OPEN: "按当时的权利应予准许；拒绝的原因在加密披露项之内（经办人、事由、基准日、地址或额度），此处不打开",
    Agrees.ERASED: "不可重放：按当时的权利应予准许，拒绝的原因已经删除，无人能再打开",
    Agrees.DIFFERS: "解释与记录不同，见 differences",
}


def _unknown(number: str) -> SpotCheck | None:
    return None


@dataclass(frozen=True, kw_only=True)
class Hindsight:
    """Explains entries of the ledger."""

    bygone: Bygone
    explaining: Explaining
    ledger: LedgerReader
    tombstones: Callable[[], Sequence[int]] = tuple
    """The entries that say what was erased."""
    spot_check: Callable[[str], SpotCheck | None] = _unknown
    """The spot check of a number."""

    def recall(self, entry: int) -> Recalled | None:
        """The decision of this entry; None when there is none. Raises `DifferenceError` when the entry was changed."""
        decision = self._read(entry)
        if decision is None:
            return None
        first: Recalled | None = None
        erased = erased_at(self.ledger, self.tombstones(), entry)
        for then in self._pasts(decision):
            found = _with_erased(self._recalled(decision, then), erased)
            if found.agrees is not Agrees.DIFFERS:
                return found
            first = first or found
        return first

    def _pasts(self, decision: Decision) -> Iterator[Then]:
        """The rights before its entry, and those before deeds that came in between: a turn of another node judges by
        what it found when it began, and its entry may then stand behind a deed that it did not know of.
        """
        then, began = self.bygone.before(decision.entry), text(microseconds(decision.at))
        yield then
        for _ in range(MAX_BETWEEN):
            if then.entry < 0 or log_time(self.ledger, then.entry) <= began:
                return
            then = self.bygone.before(then.entry)
            yield then

    def _recalled(self, decision: Decision, then: Then) -> Recalled:
        deed, strange = self._version(decision, then)
        rules = self.bygone.rules(deed, then)
        address, explained = self._explain(decision, then, deed)
        differences = (*strange, *_differences(decision, explained))
        return Recalled(
            decision=decision,
            explained=explained,
            address=address,
            is_secret=_is_secret(decision, then, rules.books),
            agrees=Agrees.DIFFERS if differences else _agreement(decision, explained),
            differences=differences,
        )

    def _read(self, entry: int) -> Decision | None:
        if not 0 <= entry < self.ledger.head().size:
            return None
        for _ in read_leaves(self.ledger, entry, entry + 1, suite_of_log(self.ledger).digest):
            pass
        return read_decision(next(iter(self.ledger.entries(entry, entry + 1)), b""))

    def _version(self, decision: Decision, then: Then) -> tuple[Deed | None, tuple[str, ...]]:
        """The version that the decision names; where it was not the one in force, that is a difference."""
        named, deed = decision.policy, then.rulebooks
        number = deed.document.serial if deed else 0
        if PolicyVersion(number, deed.digest if deed else NO_DIGEST) == named:
            return deed, ()
        older = self.bygone.version(named.number)
        if older is None or older.digest != named.digest:
            return deed, (
                f"记录的规则册第 {named.number} 版（{named.digest[:16]}）从未生效，以当时生效的第 {number} 版解释",
            )
        return older, (f"记录的是规则册第 {named.number} 版，此条目写入时生效的是第 {number} 版；以记录的一版解释",)

    def _explain(self, decision: Decision, then: Then, deed: Deed | None) -> tuple[str, Explained]:
        """By the first address of that network under which it comes out as recorded; by the first if none does."""
        known, grant = then.system(decision.client), then.grants.get(decision.grant or "")
        blocks = [*(grant.networks if grant else ()), *_blocks(self.bygone, deed, then)]
        found = addresses(known[1], decision.network, blocks) if known else []
        first: tuple[str, Explained] | None = None
        when = self._when(decision)
        for address in found or [""]:
            explained = self.explaining.explain(_question(decision, address), then, deed, when)
            first = first or (address, explained)
            if not _differences(decision, explained) and _agreement(decision, explained) is Agrees.SAME:
                return address, explained
        if first is None:
            raise UnavailableError("a decision was explained by no address")
        return first

    def _when(self, decision: Decision) -> When:
        return When(
            at=decision.at,
            data_time=decision.data_time,
            lying={each.target: each for each in self._lying(decision)},
            tripped=self._tripped(decision),
            waits=self._waits(decision),
            unusual=self._unusual(decision),
        )

    def _tripped(self, decision: Decision) -> Stop | None:
        return self.bygone.responses.tripped(decision.incident, decision.entry) if decision.refused else None

    def _unusual(self, decision: Decision) -> Incident | None:
        """The incident whose number a refusal bears, where it asked for a signature and nothing else."""
        if decision.refused != Reason.HELD or decision.signed:
            return None
        found = self.bygone.responses.history.incident(decision.incident)
        return found if found is not None and found.finding.detector in HABITS else None

    def _waits(self, decision: Decision) -> str:
        """A refusal for want of a document bears the number of the spot check instead of an incident's."""
        check = self.spot_check(decision.incident) if decision.refused == Reason.HELD and decision.incident else None
        return check.number if check and check.grant == decision.grant else ""

    def _lying(self, decision: Decision) -> Iterator[Stop]:
        """What the watch had stopped. A turn of another node may have judged by rights from before; whatever else it
        refused for then is believed, and an answer is held against what lay there when it began.
        """
        if decision.refused and decision.refused not in _BY_WATCH:
            return
        began = text(microseconds(decision.at))
        for stop in self.bygone.lying(decision.entry).values():
            if decision.refused or log_time(self.ledger, stop.entry) <= began:
                yield stop


def _question(decision: Decision, address: str) -> Question:
    unopened = set(_NOT_IN_CLEAR)
    if decision.purpose is None:
        unopened.add(RULEBOOK)
    if decision.as_of is None:
        unopened.add("reference_date")
    if decision.refused == Reason.NOT_PERMITTED and not decision.signed:
        unopened.add(STEPPED_UP)
    return Question(
        client=decision.client,
        purpose=decision.purpose or "",
        claims=decision.claims,
        address=address,
        grant=decision.grant or "",
        signed=decision.signed,
        as_of=decision.as_of,
        unopened=frozenset(unopened),
    )


def _differences(decision: Decision, explained: Explained) -> tuple[str, ...]:
    return tuple(_of_answer(decision, explained) if not decision.refused else _of_refusal(decision, explained))


def _of_answer(decision: Decision, explained: Explained) -> Iterator[str]:
    verdict = explained.verdict
    if verdict.reason:
        yield f"已答复，而按当时的权利应拒绝：{verdict.zh}"
        return
    for key in sorted(decision.permitted - {*verdict.permitted}):
        yield f"比对了 {key}，而按当时的权利不准许"
    for key in sorted({*verdict.permitted} - decision.permitted):
        yield f"没有比对 {key}，而按当时的权利准许"
    if decision.rules != verdict.rules:
        yield f"记录的规则是 {'、'.join(decision.rules)}，解释所得是 {'、'.join(verdict.rules)}"


def _of_refusal(decision: Decision, explained: Explained) -> Iterator[str]:
    """A refusal that an unopened fact may have made is no difference."""
    reason, verdict = decision.refused, explained.verdict
    by_budgets = reason in _OF_BUDGETS and not verdict.reason
    by_watch = {reason, verdict.reason} <= _BY_WATCH and bool(explained.stopped)
    by_unopened = reason == Reason.NOT_PERMITTED and _has_unopened_before(explained)
    if verdict.reason != reason and not (by_budgets or by_watch or by_unopened):
        told = f"应拒绝（{verdict.zh}）" if verdict.reason else "应予准许"
        yield f"记录为拒绝（{reason}），而按当时的权利{told}"


def _has_unopened_before(explained: Explained) -> bool:
    """Whether something that is not opened was looked at before the check that decided."""
    for check in explained.checks:
        if check.holds is not True:
            return check.holds is None
    return False


def _with_erased(found: Recalled, erased: Mapping[str, int]) -> Recalled:
    is_gone = found.agrees is Agrees.OPEN and "inner" in erased
    return replace(found, erased=erased, agrees=Agrees.ERASED if is_gone else found.agrees)


def _agreement(decision: Decision, explained: Explained) -> Agrees:
    return Agrees.SAME if decision.refused == explained.verdict.reason else Agrees.OPEN


def _blocks(bygone: Bygone, deed: Deed | None, then: Then) -> Iterator[Block]:
    for blocks in bygone.rules(deed, then).networks.values():
        yield from blocks


def _is_secret(decision: Decision, then: Then, books: tuple[Rulebook, ...]) -> bool:
    """Whether it was asked, or may have been, for a purpose of which nobody outside the duty may know."""
    grant = then.grants.get(decision.grant or "")
    asked = {decision.purpose, grant.purpose if grant else None}
    return any(purpose.secret and purpose.id in asked for book in books for purpose in book.purposes)
