"""One made-up person of the register with posts and pay, in the words of the data standard."""

from dataclasses import dataclass, field
from datetime import date, datetime

# The day the league is described at; everything in it happened before.
TODAY = date(2026, 10, 31)
PAY_MONTH = "2026-10"


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """One record of 任职: a post held from a day on, the main one or beside it. `until` is the first day without it."""

    organisation: str
    section: str
    quota_type: str
    category: str
    post_category: str
    post: str
    leader_rank: str
    rank: str | None
    main: bool
    form: str
    since: date
    until: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pay:
    """One record of 工资: what one organisation pays a person in a month. Amounts in whole yuan."""

    organisation: str
    status: str
    month: str
    grade: int
    base: int
    allowance: int
    performance: int

    @property
    def amount(self) -> int:
        """应发合计."""
        return self.base + self.allowance + self.performance


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """One row of 人员 with all that hangs on it. `cases` names what is awkward about it, for tests and for the demo."""

    number: int
    id_number: str = field(repr=False)
    name: str = field(repr=False)
    male: bool
    ethnicity: str
    birth: date = field(repr=False)
    politics: str
    education: str
    degree: str
    title: str
    work_start: date
    entry_date: date
    entry_mode: str
    quota_since: date | None
    civil_servant: bool
    status: str
    left: date | None
    posts: tuple[Post, ...]
    pays: tuple[Pay, ...]
    updated: datetime
    cases: frozenset[str] = frozenset()

    @property
    def main_post(self) -> Post:
        """The post whose quota the person fills, or last filled."""
        return next(post for post in self.posts if post.main)

    @property
    def active(self) -> bool:
        """Whether a salary is due this month."""
        return self.status in {"在职", "借调"}
