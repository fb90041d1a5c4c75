"""What may wait for somebody, each kind with what is told of it."""

from __future__ import annotations

from datetime import date, datetime

import msgspec

from audit.entry import JsonValue
from gateway.watch.stopped import Stopped


class Proposable(msgspec.Struct, frozen=True, kw_only=True):
    """A deed to draw up: what to send, as it is, to `POST /v1/office/deeds`."""

    kind: str
    id: str
    content: dict[str, JsonValue]


class ToSign(msgspec.Struct, frozen=True, kw_only=True):
    """A deed that waits for this person's signature. `due` is the last day for it."""

    kind: str
    id: str
    serial: int
    digest: str
    path: str
    step: str
    author: str
    partner: str | None
    due: date | None
    overdue: bool


class Ending(msgspec.Struct, frozen=True, kw_only=True):
    """A grant whose last day comes. `is_drawn`: whether a new version waits for signatures already."""

    grant: str
    partner: str
    until: date
    is_drawn: bool


class ToAttest(msgspec.Struct, frozen=True, kw_only=True):
    """A grant that lapses at `until` unless its head attests it, and a reviewer confirms."""

    grant: str
    partner: str
    until: datetime
    is_drawn: bool
    draw: Proposable


class ToReview(msgspec.Struct, frozen=True, kw_only=True):
    """An emergency grant that was signed, and must be looked at afterwards. `digest` is what the review names."""

    grant: str
    partner: str
    digest: str
    due: date
    overdue: bool


class EndingCredential(msgspec.Struct, frozen=True, kw_only=True):
    """A key (by its kid) or certificate (by its thumbprint) of a system that ends soon."""

    system: str
    partner: str
    is_certificate: bool
    name: str
    until: datetime


class ToAcknowledge(msgspec.Struct, frozen=True, kw_only=True):
    """A month of statements; after `due` each comparison of the partner must be signed until it is acknowledged."""

    partner: str
    month: str
    count: int
    due: date
    overdue: bool
    is_drawn: bool


class Disputed(msgspec.Struct, frozen=True, kw_only=True):
    """A statement that somebody does not agree with: `unknown` and `missing` say how many entries."""

    id: str
    partner: str
    system: str | None
    period: str
    by: str
    unknown: int
    missing: int


class ToJudge(msgspec.Struct, frozen=True, kw_only=True):
    """A spot check whose document somebody has to judge, or one that is overdue: nobody new is answered about."""

    number: str
    partner: str
    grant: str
    state: str
    due: date
    overdue: bool


class Tasks(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that waits for one person."""

    sign: list[ToSign]
    undertaking: list[Proposable]
    agreements: list[str]
    """Partners that have accepted no service agreement yet."""
    ending: list[Ending]
    attest: list[ToAttest]
    review: list[ToReview]
    credentials: list[EndingCredential]
    people: list[Proposable]
    """Invited people who have enrolled, and whose deed nobody has drawn up yet."""
    acknowledge: list[ToAcknowledge] = []
    disputes: list[Disputed] = []
    checks: list[ToJudge] = []
    stopped: list[Stopped] = []
    """What the watch holds or froze: for those who release it, or whose it is."""
