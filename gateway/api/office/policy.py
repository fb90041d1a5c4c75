"""Explanations and rehearsals over HTTP, for people of the 编办 alone: a partner learns that it was refused, never why.

`POST /v1/office/explain` · `GET /v1/office/decisions/{entry}/explanation` · `POST /v1/office/rehearsals`
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, NoReturn, TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from audit.entry import JsonValue
from audit.reader import DifferenceError
from gateway.api.office.bodies import read_body
from gateway.api.office.deed_bodies import LARGEST
from gateway.api.office.guard import Guard
from gateway.api.problems import problem
from gateway.domain.errors import InvalidQueryError
from gateway.domain.query import MAX_CLAIMS
from gateway.review.asking import Question, with_gate
from gateway.review.desk import EXPLAINED_TO, RECALLED_TO, REHEARSED_BY, ReviewDesk, shows_secret
from gateway.review.rehearsal import MAX_DAYS
from policies.catalogue import Catalogue, Comparator

NO_STORE: Final = {"Cache-Control": "no-store"}
_LONGEST: Final = 64
_YEARS: Final = range(2000, 2200)
"""Instants at either end of what a calendar knows cannot be told in another zone."""
_UNNAMED: Final = frozenset({"unknown_operator"})
Result = TypeVar("Result")


class ClaimBody(msgspec.Struct, forbid_unknown_fields=True):
    """A field and how it would be compared; never a value."""

    field: str
    comparator: str = Comparator.EQUALS.value


class ExplainBody(msgspec.Struct, forbid_unknown_fields=True):
    """`POST /v1/office/explain`: a request that may or may not have been made. Without `grant` the rulebook alone is
    asked; `policy` is the number of a version that was ever in force; `at` an instant, now if it is left out.
    """

    client: str
    purpose: str
    claims: list[ClaimBody]
    address: str
    grant: str | None = None
    operator: str = ""
    matter: bool = False
    signed: bool = False
    as_of: str | None = None
    at: str | None = None
    policy: int | None = None

    def question(self, catalogue: Catalogue) -> Question:
        """Raises `InvalidQueryError`."""
        for name in ("client", "purpose", "address", "grant", "operator"):
            if len(getattr(self, name) or "") > _LONGEST:
                raise InvalidQueryError(f"{name} 至多 {_LONGEST} 个字符", name)
        return Question(
            client=self.client,
            purpose=self.purpose,
            claims=with_gate(_claims(self.claims, catalogue), catalogue),
            address=self.address,
            grant=self.grant,
            operator=self.operator,
            matter=self.matter,
            signed=self.signed,
            as_of=_day(self.as_of),
            unopened=frozenset() if self.operator else _UNNAMED,
        )

    def instant(self) -> datetime | None:
        """Raises `InvalidQueryError`."""
        try:
            at = datetime.fromisoformat(self.at) if self.at is not None else None
        except ValueError:
            _no_instant()
        if at is not None and (at.tzinfo is None or at.year not in _YEARS):
            _no_instant()
        return at


class RehearsalBody(msgspec.Struct, forbid_unknown_fields=True):
    """`POST /v1/office/rehearsals`: the content of a draft, or the digest of one that waits for signatures."""

    days: int
    content: dict[str, object] | None = None
    digest: str = ""

    def __post_init__(self) -> None:
        if not 1 <= self.days <= MAX_DAYS:
            raise InvalidQueryError(f"days 应为 1 至 {MAX_DAYS}", "days")
        if (self.content is None) == (not self.digest):
            raise InvalidQueryError("请给出草稿内容 content，或待签规则册的摘要 digest，二者之一", "content")


@dataclass(frozen=True, kw_only=True)
class ReviewDoors:
    """What stands behind them."""

    desk: ReviewDesk
    guard: Guard
    catalogue: Catalogue

    async def explain(self, request: Request) -> Response:
        """`POST /v1/office/explain`"""
        who = await self.guard.require(request, *EXPLAINED_TO)
        body = await read_body(request, ExplainBody)
        question, at = body.question(self.catalogue), body.instant()
        found = await _ask(lambda: self.desk.explain(who.person, question, at, body.policy))
        return JSONResponse(found.as_document(), headers=NO_STORE)

    async def recall(self, request: Request) -> Response:
        """`GET /v1/office/decisions/{entry}/explanation`"""
        who = await self.guard.require(request, *RECALLED_TO)
        entry = int(request.path_params["entry"])
        try:
            found = await _ask(lambda: self.desk.recall(who.person, entry))
        except DifferenceError:
            return problem("unavailable", 503, "此条目与存证账的摘要不符，不能解释；请运行 bidui audit verify")
        if found is None:
            return problem("not-found", 404, "此序号不是比对记录，或不在本账号的职责之内")
        return JSONResponse(found.as_document(), headers=NO_STORE)

    async def rehearse(self, request: Request) -> Response:
        """`POST /v1/office/rehearsals`"""
        who = await self.guard.require(request, *REHEARSED_BY)
        body = await read_body(request, RehearsalBody, LARGEST)
        content: dict[str, JsonValue] = body.content or {}  # type: ignore[assignment]  # what JSON can hold, checked when encoded

        def run() -> dict[str, object]:
            draft = self.desk.pending_draft(body.digest) if body.digest else self.desk.draft_of(content)
            return self.desk.rehearse(who.person, draft, body.days).as_document(shows_secret=shows_secret(who.person))

        return JSONResponse(await _ask(run), headers=NO_STORE)


def review_routes(doors: ReviewDoors) -> list[Route]:
    """The routes."""
    return [
        Route("/v1/office/explain", doors.explain, methods=["POST"]),
        Route("/v1/office/decisions/{entry:int}/explanation", doors.recall, methods=["GET"]),
        Route("/v1/office/rehearsals", doors.rehearse, methods=["POST"]),
    ]


async def _ask(act: Callable[[], Result]) -> Result:
    return await asyncio.to_thread(act)


def _claims(bodies: list[ClaimBody], catalogue: Catalogue) -> tuple[tuple[str, str], ...]:
    if not 1 <= len(bodies) <= MAX_CLAIMS:
        raise InvalidQueryError(f"claims 应有 1 至 {MAX_CLAIMS} 项", "claims")
    for place, each in enumerate(bodies):
        known = catalogue.fields.get(each.field)
        if known is None or each.comparator not in known.comparators:
            raise InvalidQueryError("数据标准没有此字段，或它不支持该比较方式", f"claims[{place}]")
    if len({each.field for each in bodies}) != len(bodies):
        raise InvalidQueryError("同一字段只能写一次", "claims")
    if len({catalogue.fields[each.field].kind for each in bodies}) != 1:
        raise InvalidQueryError("各字段须属于同一类对象", "claims")
    return tuple((each.field, each.comparator) for each in bodies)


def _no_instant() -> NoReturn:
    raise InvalidQueryError("at 应为带时区的时刻，如 2026-03-02T10:00:00+08:00", "at") from None


def _day(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text) if text is not None else None
    except ValueError:
        raise InvalidQueryError("as_of 应为 yyyy-mm-dd 形式的日期", "as_of") from None
