"""A query: one subject, and what the caller claims of it. Parsed at the door; inside there are only right ones."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from typing import NoReturn

import msgspec

from gateway.domain.errors import InvalidQueryError
from policies.catalogue import Catalogue, Comparator, Field, InvalidValueError, SubjectKind

MAX_CLAIMS = 64
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class SubjectBody(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """The subject as the caller writes it."""

    kind: str
    id: str
    name: str | None = None


class ClaimBody(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """One claim as the caller writes it."""

    field: str
    value: str | int | float | bool
    comparator: str = "equals"


class QueryBody(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """The body of `POST /v1/comparisons`."""

    grant: str
    purpose: str
    operator: str
    subject: SubjectBody
    claims: list[ClaimBody]
    matter: str | None = None
    as_of: str | None = None


class Claim(msgspec.Struct, frozen=True, gc=False):
    """A claimed value, normalised. It hides in `repr` and never reaches a log."""

    field: str
    comparator: str
    value: str

    def __repr__(self) -> str:
        return f"Claim({self.field} {self.comparator} ***)"


class Subject(msgspec.Struct, frozen=True, gc=False):
    """Whom a query is about: the normalised number and the values of the identity gate."""

    kind: str
    number: str
    gate: tuple[str, ...]

    def __repr__(self) -> str:
        return f"Subject({self.kind} ***)"


class Query(msgspec.Struct, frozen=True):
    """What is asked, by whom on the caller's side, under which grant and for which purpose."""

    grant: str
    purpose: str
    operator: str
    matter: str | None
    as_of: date | None
    subject: Subject
    gate_fields: tuple[str, ...]
    claims: tuple[Claim, ...]
    asked: tuple[tuple[str, str], ...]
    """Field and comparator of everything that would be compared, the identity gate first."""


def parse_query(body: QueryBody, catalogue: Catalogue) -> Query:
    """The query of a body. Raises `InvalidQueryError`, which says where and what to do, and echoes nothing."""
    kind = catalogue.kinds.get(body.subject.kind)
    if kind is None:
        raise InvalidQueryError(f"subject.kind 应为 {' 或 '.join(catalogue.kinds)}", "subject.kind")
    if not 1 <= len(body.claims) <= MAX_CLAIMS:
        raise InvalidQueryError(f"claims 应有 1 至 {MAX_CLAIMS} 项", "claims")
    return Query(
        _short(body.grant, "grant"),
        _short(body.purpose, "purpose"),
        _short(body.operator, "operator"),
        None if body.matter is None else _short(body.matter, "matter"),
        None if body.as_of is None else _day(body.as_of),
        _subject(body.subject, kind, catalogue),
        kind.gate,
        claims := _claims(body.claims, catalogue.claimable[kind.key], kind),
        _gate_asked(kind.gate) + tuple([(claim.field, claim.comparator) for claim in claims]),
    )


@lru_cache(maxsize=8)
def _gate_asked(gate: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    return tuple((field, Comparator.EQUALS.value) for field in gate)


def _subject(body: SubjectBody, kind: SubjectKind, catalogue: Catalogue) -> Subject:
    if kind.gate and body.name is None:
        raise InvalidQueryError("subject.name 必填：证件号码与姓名须同时提供", "subject.name")
    if not kind.gate and body.name is not None:
        raise InvalidQueryError("subject.name 不适用于此类对象，请将名称写入 claims", "subject.name")
    try:
        number = catalogue.identifier(kind.key, body.id)
        gate = tuple(catalogue.fields[key].normalise(body.name) for key in kind.gate)
    except InvalidValueError as error:
        where = "subject.id" if error.field == "id" else f"subject.{error.field}"
        raise InvalidQueryError(error.hint, where) from None
    return Subject(kind.key, number, gate)


def _claims(bodies: list[ClaimBody], claimable: Mapping[str, Field], kind: SubjectKind) -> tuple[Claim, ...]:
    claims = tuple([_claim(place, body, claimable, kind) for place, body in enumerate(bodies)])
    if len({claim.field for claim in claims}) != len(claims):
        raise InvalidQueryError("同一字段在一次比对中只能声明一次", "claims")
    return claims


def _claim(place: int, body: ClaimBody, claimable: Mapping[str, Field], kind: SubjectKind) -> Claim:
    field = claimable.get(body.field)
    if field is None:
        _not_claimable(body.field in kind.gate, place)
    if body.comparator not in field.comparators:
        raise InvalidQueryError("此字段不支持该比较方式；见 GET /v1/catalogue", f"claims[{place}].comparator")
    try:
        return Claim(field.key, body.comparator, field.normalise(body.value))
    except InvalidValueError as error:
        raise InvalidQueryError(error.hint, f"claims[{place}].value") from None


def _not_claimable(is_gate: bool, place: int) -> NoReturn:  # noqa: FBT001 - which of two errors it is
    if is_gate:
        raise InvalidQueryError("身份要素随 subject 一并比对，不必写入 claims", f"claims[{place}].field")
    raise InvalidQueryError("没有此字段；可比对字段见 GET /v1/catalogue", f"claims[{place}].field")


def _short(text: str, where: str) -> str:
    if not 0 < len(text) <= 64 or not text.isprintable():
        raise InvalidQueryError(f"{where} 应为 1 至 64 个可见字符", where)
    return text


def _day(text: str) -> date:
    if not _DATE.fullmatch(text):
        _no_day()
    try:
        return date.fromisoformat(text)
    except ValueError:
        _no_day()


def _no_day() -> NoReturn:
    raise InvalidQueryError("as_of 应为 yyyy-mm-dd 形式的日期", "as_of")
