"""The deed of a cohort: which list a closed grant answers about, and by what right that list may follow the one before.

    {"partner": …, "grant": number, "root": …, "count": 812, "members": digest over the sorted links,
     "added": 12, "removed": 0, "month": "2026-06", "month_added": 12}

A list is always filed whole. `added` and `removed` are against the list before. On the path `addition` the head signs
alone, as far as the grant's own signatures allow it each month; `month` and `month_added` carry that count along.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Protocol

import msgspec

from audit.entry import JsonValue
from gateway.deeds.document import Document, Kind
from gateway.deeds.errors import DeedError
from gateway.deeds.granting import read_grant
from gateway.deeds.standing import Standing, is_live
from gateway.deeds.steps import ADDITION, USUAL
from gateway.domain.cohort import MAX_MEMBERS, Members, is_packed, root_of_packed, unpack
from gateway.domain.grant import Grant, GrantClass, local_day

_Digest = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
_Count = Annotated[int, msgspec.Meta(ge=0, le=MAX_MEMBERS)]


class Cohort(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the deed says. `month` is empty until somebody was added on the path `addition`."""

    partner: str
    grant: str
    root: _Digest
    count: Annotated[int, msgspec.Meta(ge=1, le=MAX_MEMBERS)]
    members: _Digest
    added: _Count
    removed: _Count
    month: Annotated[str, msgspec.Meta(pattern="^([0-9]{4}-[0-9]{2})?$")]
    month_added: _Count

    def content(self) -> dict[str, JsonValue]:
        """As it is signed."""
        content: dict[str, JsonValue] = msgspec.to_builtins(self)
        return content


class KeptList(msgspec.Struct, frozen=True, kw_only=True):
    """A list as it was filed: leaves and links, each sorted for itself, so that none tells which belongs to which."""

    grant: str
    root: str
    leaves: bytes
    links: bytes
    filed: int
    """Unix time in seconds."""


class CohortStore(Protocol):
    """Lists, inside one transaction. What is read here proves nothing until it is held against a deed."""

    def find(self, grant: str, root: str) -> KeptList | None:
        """The list of this root."""
        ...

    def links(self, grant: str, root: str) -> bytes:
        """Its links alone; empty when there is no such list."""
        ...

    def put(self, kept: KeptList) -> None:
        """Keeps a list, in place of one of the same root."""
        ...

    def roots(self, grant: str) -> Sequence[str]:
        """Every list that is kept of a grant."""
        ...

    def remove(self, grant: str, root: str) -> None:
        """Forgets a list."""
        ...


def read_cohort(document: Document) -> Cohort:
    """What the deed of a cohort says. Raises `DeedError`."""
    try:
        cohort = msgspec.convert(dict(document.content), Cohort, strict=True)
    except msgspec.ValidationError:
        raise DeedError("名册文书的内容须为报送名册时网关给出的内容，请照此拟稿") from None
    if document.kind is not Kind.COHORT or cohort.grant != document.id:
        raise DeedError("名册文书的编号须与其签批单的编号相同")
    return cohort


def closed_grant(standing: Standing, number: str, partner: str | None) -> Grant:
    """A partner's own grant of class closed. Raises `DeedError`, the same for every other."""
    document = standing.get(Kind.GRANT, number)
    if document is not None and is_live(document):
        grant = read_grant(document)
        if grant.grant_class is GrantClass.CLOSED and grant.partner == partner:
            return grant
    raise DeedError("本部门没有此编号的生效签批单，或其 class 不是 closed，请核对编号")


def cohort_in_force(standing: Standing, number: str) -> Cohort | None:
    """The list in force for a grant, if there is one."""
    document = standing.get(Kind.COHORT, number)
    return read_cohort(document) if document is not None else None


def largest(grant: Grant) -> int:
    """How many a cohort may have: nobody needs a list of more people than may be asked about."""
    return min(MAX_MEMBERS, grant.limits.subjects_per_30_days)


def check_cohort(document: Document, standing: Standing) -> None:
    """Whether this may follow the list in force, going by what the deeds say. Raises `DeedError`."""
    cohort = read_cohort(document)
    grant, before = closed_grant(standing, cohort.grant, cohort.partner), cohort_in_force(standing, cohort.grant)
    if cohort.count > largest(grant):
        raise DeedError(f"此签批单的名册最多列 {largest(grant)} 个对象（以 30 天对象数为限），请减少")
    if cohort.count != (before.count if before else 0) + cohort.added - cohort.removed:
        raise DeedError("增加数、移出数与生效名册对不上，请重新报送名册")
    if document.path == ADDITION:
        _check_addition(cohort, before, grant)
    elif (cohort.month, cohort.month_added) != ((before.month, before.month_added) if before else ("", 0)):
        raise DeedError("由审核员签署的名册不计入每月自行增加数，请重新报送名册")


def check_kept(document: Document, standing: Standing, store: CohortStore, now: datetime) -> None:
    """Whether the list that the deed speaks of is the one that is kept. Raises `DeedError`."""
    cohort, before = read_cohort(document), cohort_in_force(standing, document.id)
    fault = fault_of(cohort, store.find(cohort.grant, cohort.root))
    if fault:
        raise DeedError(f"{fault}，请重新报送名册")
    if differences(before, store, store.links(cohort.grant, cohort.root)) != (cohort.added, cohort.removed):
        raise DeedError("实际增加或移出的对象与文书所写不符，请重新报送名册")
    if document.path == ADDITION and cohort.month != month_of(now):
        raise DeedError("自行增加计入签署当月，文书所写月份不符，请重新报送名册")


def fault_of(cohort: Cohort, kept: KeptList | None) -> str:
    """What is wrong with a list that is kept, by the deed that speaks of it; empty when nothing is."""
    if kept is None:
        return "文书所指的名册没有保存"
    members = Members(kept.links)
    if members.digest != cohort.members or len(members) != cohort.count or not is_packed(kept.links):
        return "所存名册的成员与报送时不符"
    if root_of_packed(kept.leaves) != cohort.root:
        return "所存名册的根与文书不符"
    return ""


def members_in_force(cohort: Cohort, links: bytes) -> Members | None:
    """Whom the grant answers about, if these links are the very ones that the deed was signed for."""
    members = Members(links)
    return members if members.digest == cohort.members and len(members) == cohort.count else None


def differences(before: Cohort | None, store: CohortStore, links: bytes) -> tuple[int, int]:
    """How many are in the new list alone, and in the list in force alone.

    A list in force that was altered since it was signed holds nobody who could be compared: all of it is replaced.
    """
    new = set(unpack(links))
    if before is None:
        return len(new), 0
    kept = store.links(before.grant, before.root)
    if members_in_force(before, kept) is None:
        return len(new), before.count
    old = set(unpack(kept))
    return len(new - old), len(old - new)


def proposed(
    grant: Grant, before: Cohort | None, filed: KeptList, difference: tuple[int, int], now: datetime
) -> Mapping[str, Cohort]:
    """What deeds could bring a filed list into force: by path, what each would say."""
    (added, removed), members = difference, Members(filed.links)
    whole = Cohort(
        partner=grant.partner,
        grant=grant.number,
        root=filed.root,
        count=len(members),
        members=members.digest,
        added=added,
        removed=removed,
        month=before.month if before else "",
        month_added=before.month_added if before else 0,
    )
    paths = {USUAL: whole}
    counted = _added_this_month(before, month_of(now)) + added
    if before is not None and added and not removed and counted <= grant.additions_per_month:
        paths[ADDITION] = msgspec.structs.replace(whole, month=month_of(now), month_added=counted)
    return paths


def month_of(at: datetime) -> str:
    """The month in which additions count."""
    return f"{local_day(at):%Y-%m}"


def _added_this_month(before: Cohort | None, month: str) -> int:
    return before.month_added if before and before.month == month else 0


def _check_addition(cohort: Cohort, before: Cohort | None, grant: Grant) -> None:
    if before is None or cohort.removed or not cohort.added:
        raise DeedError("路径 addition 只能在生效名册上增加，不能移出，请改用路径 usual")
    if cohort.month_added != _added_this_month(before, cohort.month) + cohort.added:
        raise DeedError("当月自行增加数未在生效名册之上累计，请重新报送名册")
    if cohort.month < before.month:
        raise DeedError("自行增加只能计入当月，请重新报送名册")
    if cohort.month_added > grant.additions_per_month:
        raise DeedError(f"此签批单每月最多自行增加 {grant.additions_per_month} 个对象，请改用路径 usual")
