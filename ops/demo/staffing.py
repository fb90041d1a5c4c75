"""How many people each organisation has, and of which kinds: planned first, so that the numbers of 编制 are true.

The strength written for an organisation is the number of people generated for it, whatever the scale.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from random import Random

from ops.demo.organisations import Organisation, Sort

# The index orders numbers of posts in 12 bits; no organisation outgrows that, also with a million people.
LARGEST = 3_800
OFF_QUOTA, RETIRED, DECEASED, GONE = 0.04, 0.05, 0.008, 0.007


class Role(StrEnum):
    """As what a person stands in the register of an organisation."""

    HEAD = "正职"
    DEPUTY = "副职"
    MEMBER = "在编人员"
    OFF_QUOTA = "编外人员"
    RETIRED = "退休人员"
    DECEASED = "去世人员"
    GONE = "离开人员"


@dataclass(frozen=True, slots=True, kw_only=True)
class Staff:
    """One organisation with its people and its numbers of posts; one row of 编制."""

    organisation: Organisation
    active: int
    leaders: int
    off_quota: int
    retired: int
    deceased: int
    gone: int
    approved: int
    leader_posts: int
    off_quota_ceiling: int

    def roles(self) -> Iterator[Role]:
        """The role of everybody in turn, leaders first."""
        yield from (Role.HEAD,) * min(1, self.leaders)
        yield from (Role.DEPUTY,) * (self.leaders - 1)
        yield from (Role.MEMBER,) * (self.active - self.leaders)
        yield from (Role.OFF_QUOTA,) * self.off_quota
        yield from (Role.RETIRED,) * self.retired
        yield from (Role.DECEASED,) * self.deceased
        yield from (Role.GONE,) * self.gone

    @property
    def total(self) -> int:
        """Everybody the register knows of it, those who left too."""
        return self.active + self.off_quota + self.retired + self.deceased + self.gone


def staff(rng: Random, organisations: Sequence[Organisation], persons: int) -> list[Staff]:
    """Share `persons` out over the organisations. Raise `ValueError` if they are too many."""
    heads = list(_heads([organisation.weight for organisation in organisations], persons))
    return [_staff(rng, organisation, count) for organisation, count in zip(organisations, heads, strict=True)]


def _heads(weights: Sequence[int], persons: int) -> Iterator[int]:
    """Whole numbers in proportion to the weights, none above the largest, whose sum is `persons`."""
    if persons > LARGEST * len(weights):
        raise ValueError(f"a league holds at most {LARGEST * len(weights)} persons: ask for fewer")
    left, weight_left = persons, sum(weights)
    # The heaviest first: what they cannot take, because they are full, falls to the others.
    shares = dict.fromkeys(range(len(weights)), 0)
    for place in sorted(shares, key=lambda place: -weights[place]):
        shares[place] = min(LARGEST, round(left * weights[place] / weight_left))
        left, weight_left = left - shares[place], weight_left - weights[place]
    yield from shares.values()


def _staff(rng: Random, organisation: Organisation, total: int) -> Staff:
    off_quota, retired, deceased, gone = (
        int(total * share + rng.random()) for share in (OFF_QUOTA, RETIRED, DECEASED, GONE)
    )
    active = max(0, total - off_quota - retired - deceased - gone)
    if not active:
        off_quota, retired, deceased, gone = 0, 0, 0, total
    leader_posts = _leader_posts(organisation, active)
    return Staff(
        organisation=organisation,
        active=active,
        leaders=min(active, _filled(rng, leader_posts)),
        off_quota=off_quota,
        retired=retired,
        deceased=deceased,
        gone=gone,
        approved=max(0, active + _vacancies(rng, active)),
        leader_posts=leader_posts,
        off_quota_ceiling=off_quota + rng.randrange(0, 4),
    )


def _leader_posts(organisation: Organisation, active: int) -> int:
    small = 3 if organisation.sort is not Sort.ORGAN else 4
    return min(active, small + active // 80)


def _filled(rng: Random, posts: int) -> int:
    """Leading posts are mostly filled, sometimes one short, rarely one over (超职数)."""
    return max(0, posts + rng.choices((0, -1, -2, 1), (60, 25, 10, 5))[0])


def _vacancies(rng: Random, active: int) -> int:
    """Most have some vacancies (空编), one in twenty stands over its quota (超编)."""
    if rng.random() < 0.05:
        return -rng.randrange(1, 4)
    return rng.randrange(0, 2 + active // 12)
