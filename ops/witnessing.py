"""Being witnessed: every few seconds our newest checkpoint goes to each witness, and what comes back is kept.

    witnessing.state(now)     how it stands: ok, soft, hard, with the cause. Cheap; for whoever decides over answers
    witnessing.round()        one round: asks all witnesses side by side, each for a few seconds at most

A witness that hangs, lies or breaks holds up nothing and nobody but itself. What it says is believed when it proves it:
a checkpoint of ours that is not in our log (a rollback, a fork) seals at once and for good; a size it only claims
counts as much as its cosignature, so it takes a quorum of claims.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

import structlog

from adapters.metrics import Metrics
from adapters.witness_line import Heard, WitnessLine
from audit.checkpoint import peek
from audit.cosignature import CLOCKS_DIFFER, cosigner_verifier, holding, read_lines, time_of
from audit.errors import AuditError, NoteError
from audit.note import parse
from audit.signer import REFRESH
from audit.witness_policy import Member
from audit.witnessing import FINE, Cause, Grade, Limits, Standing, judge_cover, worst
from gateway.domain.errors import UnavailableError
from ops.witness_record import WitnessRecord

ROUND_SECONDS = 10.0
_TRIES = 3
_MAX_DIGITS = 19

log = structlog.get_logger()


class Said(StrEnum):
    """What became of asking one witness."""

    COSIGNED = "cosigned"
    OUTRUN = "outrun"
    """Another node of ours was faster."""
    DOWN = "down"
    """No answer, or none in time."""
    REFUSED = "refused"
    """It does not know our log or our keys, or answers what the protocol does not."""
    CLOCK = "clock"
    """Its clock is not ours."""
    ROLLED_BACK = "rolled_back"
    """It knows less than it once cosigned."""
    CONTRADICTS = "contradicts"
    """It says it knows more of our log, or something else, and shows no checkpoint of ours."""
    PROVES = "proves"
    """It shows one."""


class Finding(NamedTuple):
    """The same, with a detail for people."""

    said: Said
    detail: str = ""


DOUBTS = frozenset({Said.REFUSED, Said.CLOCK, Said.ROLLED_BACK, Said.CONTRADICTS})


@dataclass(kw_only=True)
class Witnessing:
    """Of one gateway. `line` is None where nobody is asked (commands)."""

    record: WitnessRecord
    limits: Limits
    metrics: Metrics
    make_line: Callable[[], WitnessLine]
    findings: dict[str, Finding] = field(default_factory=dict)
    _line: WitnessLine | None = None
    _grade: Grade = Grade.OK
    _has_begun: bool = False

    def state(self, now: datetime) -> Standing:
        """How it stands. What cannot be read counts as not witnessed."""
        try:
            cover = judge_cover(self.record.covered(), self.record.signed(), self.limits, now)
            return worst(self.record.accused(), self._claims(), cover, self._doubts())
        except (AuditError, OSError, ValueError) as error:
            return Standing(Grade.HARD, Cause.LIMIT, f"what witnesses said cannot be read ({type(error).__name__})")

    async def round(self) -> None:
        """Asks every witness that has an address, and keeps what they say."""
        content = await asyncio.to_thread(self._begin)
        if content is not None:
            members = [each for each in self.record.policy.witnesses if each.url]
            found = await asyncio.gather(*(self._ask(each, content) for each in members))
            self.findings = dict(zip((each.name for each in members), found, strict=True))
        await asyncio.to_thread(self._end)

    async def close(self) -> None:
        """Hangs up."""
        if self._line:
            await self._line.close()
            self._line = None

    def _begin(self) -> bytes | None:
        self.record.begin()
        self.record.check_own(roots=not self._has_begun)
        self._has_begun = True
        return self.record.latest()

    def _end(self) -> None:
        standing = self.state(self.record.now())
        covered = self.record.covered()
        self.metrics.witnessed(covered.size, covered.since.timestamp(), list(Grade).index(standing.grade))
        for name, finding in self.findings.items():
            if finding.said not in {Said.COSIGNED, Said.OUTRUN}:
                log.info("witness_failed", state=finding.said.value, cause=f"{name!a}: {finding.detail}"[:200])
        if standing.grade is not self._grade:
            log.warning("witnessing_changed", state=standing.grade.value, cause=standing.detail[:200])
        self._grade = standing.grade

    def _claims(self) -> Standing:
        claiming = {name for name, finding in self.findings.items() if finding.said is Said.CONTRADICTS}
        if claiming and self.record.policy.is_met(claiming):
            return Standing(Grade.HARD, Cause.AHEAD, f"{_names(claiming)} know more of this log, or something else")
        return FINE

    def _doubts(self) -> Standing:
        doubted = {name: each for name, each in self.findings.items() if each.said in DOUBTS}
        told = "; ".join(f"{name!a}: {each.said.value}" for name, each in sorted(doubted.items()))
        return Standing(Grade.SOFT, Cause.WITNESS, told) if doubted else FINE

    # ------------------------------------------------------------------------------------ one witness

    async def _ask(self, member: Member, content: bytes) -> Finding:
        try:
            return await self._talk(member, content)
        except UnavailableError as error:
            return Finding(Said.DOWN, str(error))
        except (AuditError, OSError) as error:
            return Finding(Said.REFUSED, str(error))

    async def _talk(self, member: Member, content: bytes) -> Finding:
        kept = await asyncio.to_thread(self.record.cosigned, member)
        is_fresh = await asyncio.to_thread(self._is_fresh, member, kept, content) if kept else False
        if is_fresh:
            return Finding(Said.COSIGNED)
        size = peek(content).size
        old = known = peek(kept).size if kept else 0
        for _ in range(_TRIES):
            if old > size:
                return await self._ahead(member, old)
            request = await asyncio.to_thread(self.record.request, old, content)
            heard = await self._there().add_checkpoint(member.url, request.encode())
            if heard.status != 409:
                return await self._heard(member, content, heard)
            old = _size(heard)
            if old < known:
                return Finding(Said.ROLLED_BACK, f"it cosigned {known} entries, and now knows {old}")
        return Finding(Said.REFUSED, "it names another size each time")

    async def _heard(self, member: Member, content: bytes, heard: Heard) -> Finding:
        if heard.status == 422:
            return await self._contradicted(member, "it finds our proof wrong")
        if heard.status != 200:
            return Finding(Said.DOWN if heard.status >= 500 else Said.REFUSED, f"it answers {heard.status}")
        return await asyncio.to_thread(self._take, member, content, heard.body)

    def _take(self, member: Member, content: bytes, body: bytes) -> Finding:
        """Takes this witness's own cosignature out of its answer; it has no say for any other."""
        lines, now = read_lines(body), self.record.now()
        held = holding(parse(content).text, lines, [cosigner_verifier(member.vkey)], now)
        if any(now - time_of(each) > CLOCKS_DIFFER for each in held.values()):
            return Finding(Said.CLOCK, "its cosignature is of a time long gone")
        self.record.take(content, held.values())
        return Finding(Said.COSIGNED)

    async def _ahead(self, member: Member, known: int) -> Finding:
        signed = await asyncio.to_thread(self.record.signed)
        if known <= signed:
            return Finding(Said.OUTRUN)
        return await self._contradicted(member, f"it knows {known} entries, {signed} were signed")

    async def _contradicted(self, member: Member, told: str) -> Finding:
        """Asks for what it cosigned: with our own signature under it, that is proof and no claim."""
        try:
            shown = await self._there().latest(member.url, self.record.origin)
        except UnavailableError:
            shown = None
        is_proven = await asyncio.to_thread(self.record.accuse, shown) if shown else False
        return Finding(Said.PROVES if is_proven else Said.CONTRADICTS, told)

    def _is_fresh(self, member: Member, kept: bytes, content: bytes) -> bool:
        """Whether it cosigned exactly this tree, and not long ago."""
        if parse(kept).text != parse(content).text:
            return False
        now, parts = self.record.now(), parse(kept)
        held = holding(parts.text, parts.signatures, [cosigner_verifier(member.vkey)], now)
        return all(abs(now - time_of(each)) < self._refresh() for each in held.values())

    def _refresh(self) -> timedelta:
        return min(REFRESH, self.limits.age / 16)

    def _there(self) -> WitnessLine:
        if self._line is None:
            self._line = self.make_line()
        return self._line


def _size(heard: Heard) -> int:
    text = heard.body.removesuffix(b"\n").decode("ascii", "replace")
    if not text.isascii() or not text.isdigit() or len(text) > _MAX_DIGITS:
        raise NoteError("it answers 409 without a size")
    return int(text)


def _names(names: set[str]) -> str:
    return ", ".join(f"{name!a}" for name in sorted(names))
