"""The operations of the office's doors, made from the table of doors."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from starlette.routing import compile_path

from gateway.api.describing import DAY, FLAG, INSTANT, SHA256, TEXT, Json, named, one_of, response, troubles
from gateway.api.office.cohort_rows import FORMS
from gateway.api.office.description.asked import name_of
from gateway.api.office.description.doors import DOORS, Door, Needs
from gateway.api.office.evidence import ENTRY_HEADER
from gateway.api.office.guard import SESSION_COOKIE
from gateway.deeds.document import MAX_ID, Kind

_SESSION, _TOKEN, _ORIGIN = "officeSession", "officeToken", "officeOrigin"
_ID: Final[Json] = {"type": "string", "minLength": 1, "maxLength": MAX_ID, "pattern": "^[^/]+$"}
_INDEX: Final[Json] = {"type": "integer", "minimum": 0, "maximum": 10**18 - 1}
_PARAMETERS: Final[dict[str, Json]] = {
    "digest": SHA256,
    "kind": one_of(Kind),
    "entry": _INDEX,
    "mine": FLAG,
    "serial": {"type": "integer", "minimum": 0, "maximum": 10**7 - 1},
    "until": DAY,
    "day": DAY,
    "month": {"type": "string", "pattern": "^[0-9]{4}-(0[1-9]|1[0-2])$"},
    **dict.fromkeys(("from", "to"), INSTANT),
    **dict.fromkeys(("first", "last"), _INDEX),
    **dict.fromkeys(("id", "number", "grant", "partner", "system"), _ID),
    **dict.fromkeys(("state", "code", "iss", "error"), TEXT),
}
_REQUIRED: Final = frozenset({"until", "number", "from", "to", "first", "last"})
_NUMBER: Final[Json] = {"schema": {"type": "integer", "minimum": 0}}
_ADDRESS: Final[Json] = {"schema": {"type": "string", "format": "uri"}}


def office_security() -> Json:
    """How people prove themselves: all three together for a change, the cookie alone for a look."""
    origin = "Origin 须为本网关地址；程序亦须写明"
    return {
        _SESSION: {"type": "apiKey", "in": "cookie", "name": SESSION_COOKIE, "description": "登录后的会话"},
        _TOKEN: {"type": "apiKey", "in": "header", "name": "X-Bidui-Token", "description": "会话自身的 token"},
        _ORIGIN: {"type": "apiKey", "in": "header", "name": "Origin", "description": origin},
    }


def office_paths() -> Json:
    """Every path of the office with its operations."""
    paths: dict[str, Json] = {}
    for door in DOORS:
        _, path, converters = compile_path(door.path)
        paths.setdefault(path, {})[door.method.lower()] = _operation(door, converters)
    return dict(paths)


def _operation(door: Door, in_path: Iterable[str]) -> Json:
    parameters = [*(_parameter(name, "path") for name in in_path), *(_parameter(name, "query") for name in door.query)]
    return {
        "operationId": f"office_{door.name}",
        "summary": door.summary,
        "tags": ["office"],
        "security": _security(door),
        **({"parameters": parameters} if parameters else {}),
        **_body(door),
        "responses": {str(door.status): _yes(door), **troubles(*sorted(_problems(door)))},
    }


def _parameter(name: str, place: str) -> Json:
    is_required = place == "path" or name in _REQUIRED
    return {"name": name, "in": place, "required": is_required, "schema": _PARAMETERS[name]}


def _security(door: Door) -> list[Json]:
    nothing: list[object] = []
    if door.needs is Needs.NOTHING:
        return []
    if door.needs is Needs.OUR_SITE:
        return [{_ORIGIN: nothing}]
    return [dict.fromkeys((_SESSION,) if door.method == "GET" else (_SESSION, _TOKEN, _ORIGIN), nothing)]


def _body(door: Door) -> Json:
    if door.body is not None:
        return {
            "requestBody": {"required": True, "content": {"application/json": {"schema": named(name_of(door.body))}}}
        }
    if door.name == "file_cohort":
        return {"requestBody": {"required": True, "content": {media: {"schema": TEXT} for media in FORMS}}}
    return {}


def _yes(door: Door) -> Json:
    if door.answer:
        return response(door.answer)
    if door.status == 303:
        return {"description": "前往统一身份认证", "headers": {"Location": {"required": True, **_ADDRESS}}}
    if door.name == "take_evidence":
        content = {"application/zip": {"schema": {"type": "string", "format": "binary"}}}
        return {"description": "证据包", "headers": {ENTRY_HEADER: {"required": True, **_NUMBER}}, "content": content}
    if door.status == 204:
        return {"description": "已办理"}
    return {"description": "自动前往首页的页面", "content": {"text/html": {"schema": TEXT}}}


def _problems(door: Door) -> set[int]:
    """What a door may say no with: whatever happens, because of who asks, because of what is asked."""
    found = {503, *door.problems}
    if door.needs in {Needs.SESSION, Needs.DUTY}:
        found.add(401)
    if door.needs is Needs.DUTY or (door.method != "GET" and door.needs is not Needs.NOTHING):
        found.add(403)
    if door.body is not None:
        found |= {400, 422}
    return found
