"""Erasing and revealing over HTTP, for 审计管理员 alone, each under a deed that a leader approved.

`POST /v1/office/points` · `POST /v1/office/erasures/{id}` · `POST /v1/office/reveals/{id}`
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from audit.data_keys import OPERATOR
from audit.entry import JsonValue
from audit.tokens import Tokens
from gateway.api.office.bodies import read_body
from gateway.api.office.guard import Guard
from gateway.domain.errors import InvalidQueryError
from gateway.domain.people import Duty
from gateway.erasing import Erased, ErasureDesk
from gateway.revealing import RevealDesk, Shown
from policies.catalogue import Catalogue
from policies.invalid import InvalidValueError

NO_STORE: Final = {"Cache-Control": "no-store"}
_LONGEST: Final = 64
_WRONG: Final = "kind 须为 person、organisation 或 operator，id 须为其证件号码、代码或账号"


class PointBody(msgspec.Struct, forbid_unknown_fields=True):
    """`POST /v1/office/points`: whom a deed is to be about. `kind` is person, organisation or operator."""

    kind: str
    id: str

    def parse(self, catalogue: Catalogue) -> tuple[str, str]:
        """Kind and normalised number. Raises `InvalidQueryError`, which does not repeat the number."""
        if self.kind == OPERATOR and 0 < len(self.id) <= _LONGEST:
            return self.kind, self.id
        try:
            return self.kind, catalogue.identifier(self.kind, self.id)
        except (InvalidValueError, KeyError):
            raise InvalidQueryError(
                "kind 须为 person、organisation 或 operator，id 须为其证件号码、代码或账号", "id"
            ) from None


@dataclass(frozen=True, kw_only=True)
class CustodyDoors:
    """What stands behind them. All of it takes time, so it is asked in threads; `erasing` opens on first use."""

    erasing: Callable[[], ErasureDesk]
    revealing: Callable[[], RevealDesk]
    tokens: Callable[[], Tokens]
    guard: Guard
    catalogue: Catalogue

    async def point(self, request: Request) -> Response:
        """`POST /v1/office/points`: what deeds call somebody, so that their number stands in no deed."""
        await self.guard.require(request, Duty.AUDIT_ADMIN)
        kind, number = (await read_body(request, PointBody)).parse(self.catalogue)
        return JSONResponse({"subject": self.tokens().point(kind, number).text}, headers=NO_STORE)

    async def erase(self, request: Request) -> Response:
        """`POST /v1/office/erasures/{id}`"""
        await self.guard.require(request, Duty.AUDIT_ADMIN, fresh=True)
        named = str(request.path_params["id"])
        erased = await asyncio.to_thread(lambda: self.erasing().erase(named))
        return JSONResponse(erased_document(erased), headers=NO_STORE)

    async def reveal(self, request: Request) -> Response:
        """`POST /v1/office/reveals/{id}`"""
        who = await self.guard.require(request, Duty.AUDIT_ADMIN, fresh=True)
        named = str(request.path_params["id"])
        shown = await asyncio.to_thread(lambda: self.revealing().reveal(who.person, named))
        return JSONResponse({"shown": [shown_document(each) for each in shown]}, headers=NO_STORE)


def custody_routes(doors: CustodyDoors) -> list[Route]:
    """The routes."""
    return [
        Route("/v1/office/points", doors.point, methods=["POST"]),
        Route("/v1/office/erasures/{id:str}", doors.erase, methods=["POST"]),
        Route("/v1/office/reveals/{id:str}", doors.reveal, methods=["POST"]),
    ]


def erased_document(erased: Erased) -> dict[str, object]:
    """For JSON."""
    return {
        "deed": erased.deed,
        "tombstones": list(erased.tombstones),
        "erased": erased.erased,
        "names": list(erased.names),
        "before": erased.before,
        "kept": erased.kept,
        "kept_until": erased.kept_until,
        "store": erased.store,
        "remains": erased.remains,
        "zh": told(erased),
    }


def told(erased: Erased) -> str:
    """For people: what was done, what is kept and until when, what this does not reach."""
    entries = "、".join(map(str, erased.tombstones))
    done = f"已删除 {erased.erased} 条记录的披露项，由第 {entries} 条记明" if entries else "没有新的内容可删除"
    kept = f"；{erased.kept} 条尚在法定保存期内，保留至 {erased.kept_until}，届时自动删除" if erased.kept else ""
    remains = "；数据库已重写，此前的备份和归档日志中只余无法打开的密文" if erased.store else ""
    return f"{done}{kept}{remains}"


def shown_document(shown: Shown) -> dict[str, object]:
    """For JSON: of each disclosure its value, or the entry that says that it was erased, or neither if it is broken."""
    told: list[tuple[str, str | None, int | None]] = [
        *((name, _written(value), None) for name, value in shown.values.items()),
        *((name, None, by) for name, by in shown.erased.items()),
        *((name, None, None) for name in shown.unopened),
    ]
    disclosures = [{"name": name, "value": value, "erased_by": by} for name, value, by in sorted(told)]
    return {"entry": shown.entry, "disclosures": disclosures}


def _written(value: JsonValue) -> str:
    """Texts as they are, everything else as JSON."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
