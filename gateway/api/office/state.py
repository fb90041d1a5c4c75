"""The state of the ledger for officers: may comparisons be answered, and if not, why and what to do.

`GET /v1/office/log/state`

While the ledger is not what was signed the office writes nothing into it either: `Shut` stands before its doors.
Reading goes on, and so does signing in, without which nobody could read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from audit.causes import RULES
from audit.states import Standing, Why
from gateway.api.office.guard import OF_THE_OFFICE, Guard
from gateway.api.problems import problem

OFFICE = "/v1/office/"
STILL_OPEN = frozenset(OFFICE + path for path in ("sign-in", "sign-out", "step-up", "webauthn/options"))
_READING = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass
class LogState:
    """What the watchman said last."""

    standing: Standing = field(default_factory=Standing)
    undecided: str = ""
    """The id of what two people have to decide about; empty when nothing is."""

    def told(self) -> Mapping[str, object]:
        """As officers see it."""
        return {
            "state": self.standing.state,
            "answers": self.standing.answers,
            "may_write": self.standing.may_write,
            "undecided": self.undecided or None,
            "causes": [_told(why) for why in self.standing.whys],
        }


@dataclass(frozen=True, kw_only=True)
class StateDoors:
    """What stands behind them."""

    log_state: LogState
    guard: Guard

    async def state(self, request: Request) -> Response:
        """`GET /v1/office/log/state`"""
        await self.guard.require(request, *OF_THE_OFFICE)
        return JSONResponse(self.log_state.told(), headers={"Cache-Control": "no-store"})


def state_routes(doors: StateDoors) -> list[Route]:
    """The routes."""
    return [Route(f"{OFFICE}log/state", doors.state, methods=["GET"])]


class Shut:
    """Lets nobody change anything by the office's doors while `may_write` says no."""

    def __init__(self, app: ASGIApp, may_write: Callable[[], bool]) -> None:
        self._app, self._may_write = app, may_write

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and _changes(scope) and not self._may_write():
            await _shut()(scope, receive, send)
        else:
            await self._app(scope, receive, send)


def _changes(scope: Scope) -> bool:
    path = scope["path"]
    return path.startswith(OFFICE) and scope["method"] not in _READING and path not in STILL_OPEN


def _shut() -> Response:
    told = "存证账已封，与所签不符：只可查阅，不能办理。原因与处理见 bidui audit state"
    return problem("unavailable", 503, told, headers={"Retry-After": "60"})


def _told(why: Why) -> Mapping[str, object]:
    rule = RULES[why.cause]
    return {
        "cause": why.cause,
        "state": rule.state,
        "recovery": rule.recovery,
        "detail": why.detail,
        "index": why.index,
        "zh": rule.zh,
        "todo_zh": rule.todo_zh,
        "en": rule.en,
        "todo_en": rule.todo_en,
    }
