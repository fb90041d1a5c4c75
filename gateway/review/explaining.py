"""Why (not)? Every check of a request in the order in which it is made: the door, freezes, rulebook, grant, fields.

The pipeline judges once and quickly (`gateway.grants.judge`) and stops at the first no. Here the whole way is told by
the same conditions; the first check that does not hold decides, so both come to the same verdict.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Final

from gateway.deeds.deed import Deed
from gateway.deeds.lapse import parameters_in
from gateway.domain.caller import Caller, System
from gateway.domain.grant import SHANGHAI, Grant, GrantClass
from gateway.domain.habit import STEP_UP
from gateway.domain.incident import Incident
from gateway.domain.query import Query
from gateway.domain.standing import Stop
from gateway.grants import CONDITIONS, STEPPED_UP, behind
from gateway.review import telling
from gateway.review.asking import Question, caller_of, query_of
from gateway.review.bygone import Bygone, Then
from gateway.review.explained import OF_GATES, UNAUTHORISED, Check, Explained, Remaining, Verdict
from gateway.watch.seen_words import seen_of
from gateway.watch.stopped import Stopped, for_partner
from policies.catalogue import Catalogue
from policies.decision import Reason
from policies.explain import explain
from policies.explanation import CAUSES, Explanation
from policies.rows import Rules
from policies.rulebook import ALL_UNITS
from policies.snapshot import Ask

RULEBOOK: Final = "rulebook"
NO_MATTER: Final = "no_matter"
_AT_THE_DOOR: Final = frozenset({"unknown_client", "unregistered_network", "unsigned_system"})
_FROZEN: Final = {"grant": "签批单", "partner": "部门", "system": "系统"}


@dataclass(frozen=True, kw_only=True)
class When:
    """The instant of a request, how old the data were that would have answered, if that is known, and what the watch
    had stopped: by target what lay there, and the response whose last straw this very request was part of."""

    at: datetime
    data_time: datetime | None = None
    lying: Mapping[str, Stop] = field(default_factory=dict[str, Stop])
    tripped: Stop | None = None
    waits: str = ""
    """The number of the spot check for whose document the answer waited."""
    unusual: Incident | None = None
    """What was new about when or whence it came, where it had to be signed for that."""
    shows_figures: bool = True
    """Whether whoever asks may know what a detector saw."""


@dataclass(frozen=True, kw_only=True)
class Explaining:
    """Explains questions by rights as they stood."""

    bygone: Bygone
    catalogue: Catalogue

    def explain(self, question: Question, then: Then, rulebooks: Deed | None, when: When) -> Explained:
        """The whole way. Raises `UnavailableError`, and `RulebookError` for a version of another data standard."""
        rules = self.bygone.rules(rulebooks, then)
        way = _Way(question, then, rules, when, self)
        checks = tuple(way.checks())
        return Explained(
            at=when.at,
            policy=rules.version,
            entry=then.entry,
            checks=checks,
            rulebook=way.rulebook if way.asks_rules else None,
            fields=tuple(way.fields()),
            verdict=way.verdict(checks),
            stopped=tuple(way.stopped.values()),
        )


class _Way:
    """One question on its way through the gates."""

    def __init__(self, question: Question, then: Then, rules: Rules, when: When, explaining: Explaining) -> None:
        self._question, self._then, self._rules, self._when = question, then, rules, when
        self._catalogue, self._responses = explaining.catalogue, explaining.bygone.responses
        self.stopped: dict[Stop, Stopped] = {}
        """What the watch had to do with it."""
        self._known = then.system(question.client)

    def checks(self) -> Iterator[Check]:
        """All of them in order, until nothing is left that could be looked at."""
        yield from self._door()
        if self._known is None:
            return
        if self._question.grant is None:
            yield Check("grant", None, "没有指定签批单，只核对规则册，范围按全部单位")
            yield self._by_rules()
            return
        yield self._has_grant()
        yield from self._freezes()
        if self._grant is not None:
            yield self._has_not_lapsed(self._grant)
            if self._is_unopened(STEPPED_UP):
                yield Check("statements", None, f"{OF_GATES[STEPPED_UP]}（未打开）", STEPPED_UP)
            yield self._by_rules()
            yield from self._by_grant(self._grant)
            yield from self._by_habits()
            yield from self._by_watch()

    def fields(self) -> Iterator[Remaining]:
        """What each gate leaves of the fields."""
        grant = self._grant
        for key in dict.fromkeys(key for key, _ in self._question.claims):
            known = self._catalogue.fields.get(key)
            yield Remaining(
                field=key,
                zh=known.zh if known else "",
                by_rules=key in self.rulebook.permitted if self.asks_rules else None,
                by_grant=key in grant.fields if grant else None,
                reason=grant.reasons.get(key, "") if grant else "",
            )

    def verdict(self, checks: tuple[Check, ...]) -> Verdict:
        """That of the first check that does not hold."""
        names = [check.name for check in checks]
        rules = self.rulebook.rules if self.asks_rules else ()
        for place, check in enumerate(checks):
            if check.holds is False:
                judged = RULEBOOK in names[: place + 1]
                return Verdict(reason=_reason(check.cause), cause=check.cause, rules=rules if judged else ())
        return Verdict(permitted=tuple(each.field for each in self.fields() if each.permitted), rules=rules)

    @property
    def asks_rules(self) -> bool:
        """Whether the rulebook can be asked: it wants a system, a scope and a purpose."""
        has_scope = self._question.grant is None or self._grant is not None
        return self._known is not None and has_scope and not self._is_unopened(RULEBOOK)

    @cached_property
    def rulebook(self) -> Explanation:
        """What the rules of the version say."""
        question, grant = self._question, self._grant
        ask = Ask(
            f"client:{question.client}",
            question.claims,
            f"purpose:{question.purpose}",
            tuple(f"org:{code}" for code in grant.scope) if grant else (ALL_UNITS,),
            question.address,
            question.matter or self._is_unopened(NO_MATTER),
        )
        titles = {key: field.zh for key, field in self._catalogue.fields.items()}
        return explain(self._rules, ask, self._when.at, titles)

    # ------------------------------------------------------------------------------------- the door

    def _door(self) -> Iterator[Check]:
        client = self._question.client
        if self._known is None:
            yield _no("client", "unknown_client", f"{client} 当时没有登记，或其部门还不能提出请求")
            return
        partner, system = self._known
        yield Check("client", True, f"{client} 属于{partner.zh}（{partner.code}）")
        yield self._in_network(system)
        if system.signed_requests:
            yield self._told("signed_system", "unsigned_system", "该系统的请求须签名", holds=self._question.signed)

    def _in_network(self, system: System) -> Check:
        network = system.network_of(self._question.address)
        if network is None:
            return _no("network", "unregistered_network", f"{self._question.address} 不在该系统登记的网络内")
        return Check("network", True, f"{self._question.address} 属于该系统登记的 {network} 类网络")

    # ------------------------------------------------------------------------------------- grant and freezes

    @cached_property
    def _grant(self) -> Grant | None:
        """The grant, if it is one of the caller's own."""
        grant = self._then.grants.get(self._question.grant or "")
        return grant if grant and self._known and grant.partner == self._known[0].code else None

    def _has_grant(self) -> Check:
        if self._grant is None:
            return _no("grant", "no_such_grant", "当时没有此签批单，或它不属于该部门")
        return Check("grant", True, f"签批单 {self._grant.number}，范围：{'、'.join(self._grant.scope)}")

    def _freezes(self) -> Iterator[Check]:
        for kind, name in behind(self._query, self._caller):
            frozen = f"{kind}.{name}" in self._then.frozen
            zh = f"{_FROZEN.get(kind, kind)} {name} {'已冻结' if frozen else '没有冻结'}"
            stop = self._when.lying.get(f"{kind}.{name}")
            if stop is not None and stop.is_frozen and not frozen:
                frozen, zh = True, self._tell(stop)
            yield Check(f"frozen_{kind}", not frozen, zh, f"frozen:{kind}")
        yield self._is_not_held()

    def _is_not_held(self) -> Check:
        """What the watch laid before; then whether it looked at this very request as the last straw."""
        for kind, name in behind(self._query, self._caller):
            stop = self._when.lying.get(f"{kind}.{name}")
            if stop is not None and not stop.is_frozen:
                return _no("held", f"held:{kind}", self._tell(stop))
        return Check("held", True, "监测没有扣留")

    def _by_habits(self) -> Iterator[Check]:
        """Before anybody is looked up: an unusual network or hour asks for a signature."""
        unusual = self._when.unusual
        if unusual is not None:
            what = seen_of(unusual).zh if self._when.shows_figures else "来源网络或时段与平常不同"
            yield _no("habits", STEP_UP, f"事件 {unusual.number}：{what}；请求没有签名，签名后即答复")

    def _by_watch(self) -> Iterator[Check]:
        """Behind everything else: the watch looks at what would have been answered."""
        stop = self._when.tripped
        if stop is not None:
            response = "frozen" if stop.is_frozen else "held"
            yield _no("watch", f"watch:{response}", f"本次请求所在批次触发监测：{self._tell(stop)}")
        elif self._when.waits:
            zh = f"凭证抽查 {self._when.waits}：抽中的须先交凭证（有的须审核通过）再答；另有逾期未交的，新对象也须等它"
            yield _no("spot_check", "watch:waits", zh)

    def _tell(self, stop: Stop) -> str:
        whole = self._responses.tell(stop, parameters_in(self._then.standing))
        told = self.stopped[stop] = whole if self._when.shows_figures else for_partner(whole)
        return f"{told.zh}。{told.next_zh}"

    def _has_not_lapsed(self, grant: Grant) -> Check:
        end = self._then.ends.get(grant.number)
        if end is None:
            return Check("lapse", True, "签批单不会提前失效")
        cause, on = f"grant_lapsed:{end.cause.value}", f"{end.at.astimezone(SHANGHAI):%Y-%m-%d %H:%M}"
        zh = f"{OF_GATES.get(cause, cause)}（{on}）" if end.at <= self._when.at else f"签批单将于 {on} 失效，此前有效"
        return Check("lapse", end.at > self._when.at, zh, cause)

    # ------------------------------------------------------------------------------------- rulebook and grant

    def _by_rules(self) -> Check:
        if not self.asks_rules:
            return Check(RULEBOOK, None, "存证账没有写明用途，规则册无从核对")
        found, version = self.rulebook, self._rules.version
        zh = "准许 " + "、".join(sorted(found.permitted)) if found.permitted else CAUSES[found.cause]
        return Check(RULEBOOK, bool(found.permitted), f"规则册第 {version.number} 版：{zh}", found.cause)

    def _by_grant(self, grant: Grant) -> Iterator[Check]:
        for cause, holds in CONDITIONS:
            held = holds(grant, self._query, self._caller, self._when.at)
            yield self._told(cause, cause, self._condition(cause, grant), holds=held)
        if grant.grant_class is GrantClass.CLOSED:
            yield Check("cohort", None, telling.cohort(grant, self._then.standing))
        data_time = self._when.data_time
        fresh = None if data_time is None else grant.accepts_age(data_time, self._when.at)
        yield Check("data_age", fresh, telling.freshness(grant, data_time), "grant_data_age")
        yield from self._left()

    def _condition(self, cause: str, grant: Grant) -> str:
        if cause == "unknown_operator":
            named = self._question.operator
            return (
                telling.operator(named, self._caller, self._then.standing)
                if named
                else "经办人须为该部门登记的人员或作业"
            )
        return telling.condition(cause, self._question, grant, self._when.at) or OF_GATES.get(cause, cause)

    def _left(self) -> Iterator[Check]:
        left = [each.field for each in self.fields() if each.permitted]
        yield Check("fields", bool(left), f"规则册与签批单都准许：{'、'.join(left) or '无'}", "grant_fields")
        lacking = [key for key in self._query.gate_fields if key not in left]
        zh = f"身份要素 {'、'.join(lacking)} 未获准" if lacking else "身份要素都获准"
        yield Check("gate", not lacking, zh, "gate_not_granted")

    # ------------------------------------------------------------------------------------- as the pipeline sees it

    @cached_property
    def _query(self) -> Query:
        return query_of(self._question, self._catalogue)

    @cached_property
    def _caller(self) -> Caller:
        if self._known is None:
            raise RuntimeError("a client that is not registered is no caller")
        return caller_of(self._question, *self._known)

    def _told(self, name: str, cause: str, zh: str, *, holds: bool) -> Check:
        is_open = self._is_unopened(cause) and not (cause == NO_MATTER and holds and not self._wants_matter)
        return Check(name, None, f"{zh}（未打开）", cause) if is_open else Check(name, holds, zh, cause)

    @property
    def _wants_matter(self) -> bool:
        """Whether nobody may ask for this purpose without naming a matter."""
        return f"purpose:{self._question.purpose}" in self._rules.matters

    def _is_unopened(self, cause: str) -> bool:
        return cause in self._question.unopened


def _no(name: str, cause: str, zh: str) -> Check:
    return Check(name, False, zh, cause)


def _reason(cause: str) -> str:
    if cause in _AT_THE_DOOR:
        return UNAUTHORISED
    if cause.startswith("frozen:") or cause == "watch:frozen":
        return Reason.FROZEN
    if cause.startswith("held:") or cause in {"watch:held", "watch:waits", STEP_UP}:
        return Reason.HELD
    return Reason.STALE_DATA if cause == "grant_data_age" else Reason.NOT_PERMITTED
