"""`GET /v1/catalogue`: what the caller may compare, under which of its grants, and what is left of their quotas."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final

import msgspec
from starlette.requests import Request as HttpRequest
from starlette.responses import Response

from gateway.api.identify import Identify, admit
from gateway.domain.budget import Used
from gateway.domain.caller import Caller
from gateway.domain.grant import Grant
from policies.catalogue import Catalogue, Field

IN_FORCE: Final = "in_force"
STATES: Final = (IN_FORCE, "held", "frozen")


class QuotaView(msgspec.Struct):
    """A limit that stands on the signed grant, and what is left of it today."""

    limit: int
    left: int


class GrantView(msgspec.Struct):
    """A grant as its holder sees it."""

    number: str
    purpose: str
    scope: list[str]
    fields: list[str]
    valid_from: str
    valid_until: str
    subjects_per_day: QuotaView
    subjects_per_30_days: QuotaView
    subjects_per_year: QuotaView
    comparisons_per_day: QuotaView
    state: str
    """`in_force`, or `held` or `frozen`: then every comparison is refused with the number of an incident."""


class FieldView(msgspec.Struct):
    """A field that at least one of the grants names."""

    key: str
    kind: str
    zh: str
    en: str
    comparators: list[str]
    gate: bool


class CatalogueView(msgspec.Struct):
    """The answer."""

    version: str
    grants: list[GrantView]
    fields: list[FieldView]


@dataclass(frozen=True, kw_only=True)
class CatalogueDoor:
    """The door. `held` gives a caller's grants and what each has used."""

    identify: Identify
    catalogue: Catalogue
    held: Callable[[Caller], Awaitable[Mapping[str, tuple[Grant, Used]]]]
    stopped: Callable[[Caller, str], str]
    """Whether a caller's grant is held or frozen; empty when it is not."""

    async def __call__(self, request: HttpRequest) -> Response:
        caller = await admit(self.identify, request.scope)
        if not isinstance(caller, Caller):
            return caller
        held = await self.held(caller)
        fields = {key for grant, _ in held.values() for key in grant.fields}
        view = CatalogueView(
            version=self.catalogue.version,
            grants=[_grant(grant, used, self.stopped(caller, grant.number)) for grant, used in held.values()],
            fields=[self._field(field) for field in self.catalogue.fields.values() if field.key in fields],
        )
        return Response(msgspec.json.encode(view), media_type="application/json")

    def _field(self, field: Field) -> FieldView:
        gate = field.key in self.catalogue.kinds[field.kind].gate
        return FieldView(field.key, field.kind, field.zh, field.en, sorted(field.comparators), gate)


def _grant(grant: Grant, used: Used, stopped: str) -> GrantView:
    limits = grant.limits
    return GrantView(
        number=grant.number,
        purpose=grant.purpose,
        scope=sorted(grant.scope),
        fields=sorted(grant.fields),
        valid_from=grant.valid_from.isoformat(),
        valid_until=grant.valid_until.isoformat(),
        subjects_per_day=_quota(limits.subjects_per_day, used.subjects_today),
        subjects_per_30_days=_quota(limits.subjects_per_30_days, used.subjects_30_days),
        subjects_per_year=_quota(limits.subjects_per_year, used.subjects_year),
        comparisons_per_day=_quota(limits.comparisons_per_day, used.comparisons_today),
        state=stopped or IN_FORCE,
    )


def _quota(limit: int, used: int) -> QuotaView:
    return QuotaView(limit, max(0, limit - used))
