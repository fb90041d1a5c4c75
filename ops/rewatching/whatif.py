"""`bidui watch what-if`, `shadow-report`, `adopt`: what other thresholds would have done over a home's record."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from audit.entry import JsonValue
from gateway.deeds.document import Kind
from gateway.domain.errors import UnavailableError
from gateway.ports import Rights
from gateway.replaying.acting import Actor, Epochs, Pasts
from gateway.replaying.supposing import OwnEpochs, World
from gateway.replaying.weighing import Weighed, Weighing, report
from gateway.review.bygone import first_since, log_time
from gateway.watch.threshold_deeds import SHADOW_ID, Shadow, shadow_in, thresholds_in
from gateway.watch.thresholds import Thresholds
from gateway.watching import Watch
from ops.rewatching.opening import Log, Past, a_book

Span = tuple[int, int]


class NoShadowError(UnavailableError):
    """Nothing runs beside the thresholds in force."""


class Supposed(NamedTuple):
    """What came out: the report, what it tells of, under which sets, over which entries."""

    report: dict[str, JsonValue]
    weighed: Sequence[Weighed]
    sets: tuple[Thresholds, Thresholds]
    span: Span
    is_cut: bool


class Beside(NamedTuple):
    """A shadow: by which entry and since when it runs, and what is in force meanwhile."""

    shadow: Shadow
    in_force: Thresholds
    entry: int
    since: datetime


def in_force(past: Past) -> Thresholds:
    """The thresholds in force now, verified. Raises `UnavailableError`, `DeedError`."""
    with past.open(past.logs[-1]) as log:
        return thresholds_in(log.bygone.present().standing)


def what_if(past: Past, candidate: Thresholds, days: int) -> Supposed:
    """The last days under both sets. Raises `GatewayError`, `DeedError`, `AuditError`."""
    with past.open(past.logs[-1]) as log:
        now = past.home.clock.now()
        return _weigh(past, log, candidate, (first_since(log.reader, now - timedelta(days=days)), _end(log)))


def shadowed(past: Past, beside: Beside, until: int = 0) -> Supposed:
    """Everything since a shadow began; up to an entry, where the same report is to be made again."""
    with past.open(past.logs[-1]) as log:
        end = min(until or _end(log), _end(log))
        return _weigh(past, log, beside.shadow.thresholds, (beside.entry, end))


def beside(past: Past) -> Beside:
    """What runs beside the thresholds in force. Raises `NoShadowError`, and what reading raises."""
    with past.open(past.logs[-1]) as log:
        standing = log.bygone.present().standing
        named = (Kind.THRESHOLDS.value, SHADOW_ID)
        kept = [each for each in log.bygone.history() if (each.kind, each.id) == named]
    shadow = shadow_in(standing)
    if shadow is None or not kept:
        raise NoShadowError("没有阈值在影子运行：先运行 bidui watch shadow 文件")
    return Beside(shadow, thresholds_in(standing), kept[-1].entry, datetime.fromtimestamp(kept[-1].changed, UTC))


class _Switch:
    """The rights of whichever log is being read; worlds outlast logs."""

    def __init__(self, pasts: Pasts) -> None:
        self.pasts = pasts

    def rights(self, entry: int, epoch: int) -> Rights:
        """See `Pasts`."""
        return self.pasts.rights(entry, epoch)


def _weigh(past: Past, log: Log, candidate: Thresholds, span: Span) -> Supposed:
    sets = thresholds_in(log.bygone.before(span[1]).standing), candidate
    switch = _Switch(log.pasts)
    worlds = _world(past, sets[0], switch), _world(past, sets[1], switch)
    for url in past.logs[:-1]:
        with past.open(url) as before:
            switch.pasts = before.pasts
            _run(before, worlds, (_end(before), _end(before)))
            for world in worlds:
                world.forget_entries()
    switch.pasts = log.pasts
    weighing = _run(log, worlds, span)
    released = (each for each in log.deeds.releases() if each.incident and each.entry < span[1])
    weighed = weighing.weigh(frozenset(each.incident for each in released))
    made = report(
        sets=sets,
        span=span,
        times=(_time(log, span[0]), _time(log, span[1] - 1)),
        met=log.records.met,
        comparisons=weighing.comparisons,
        weighed=weighed,
    )
    return Supposed(made, weighed, sets, span, past.is_cut)


def _world(past: Past, limits: Thresholds, pasts: Pasts) -> World:
    epochs = Epochs()
    watch = Watch(past.key, past.catalogue, limits)
    return World(Actor(watch, a_book(epochs.advance), OwnEpochs(pasts, epochs), epochs))


def _run(log: Log, worlds: tuple[World, World], span: Span) -> Weighing:
    weighing = Weighing(*worlds, span[0])
    weighing.run(log.records.read(log.reader.floor(), span[1]))
    return weighing


def _end(log: Log) -> int:
    return log.reader.head().size


def _time(log: Log, entry: int) -> datetime:
    """When an entry was recorded; of one that is not there yet, when the last one was."""
    return datetime.fromisoformat(log_time(log.reader, max(0, min(entry, _end(log) - 1))))
