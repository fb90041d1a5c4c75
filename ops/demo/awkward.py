"""Bends some of the plain people of the league into the cases that make matching hard.

Each case comes round at its own interval, so even a league of two thousand has all but the rarest. Only people the
case fits are bent; what was done stands in `Person.cases`.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from random import Random

from ops.demo.draw import day_between, years_after
from ops.demo.names import CLANS, DOTS, MONGOLIAN_FEMALE, MONGOLIAN_MALE, PRIVATE_USE, RARE, VARIANTS, han_given
from ops.demo.numbers import Numbers, as_old
from ops.demo.organisations import Organisation
from ops.demo.people import MONGOLIAN
from ops.demo.person import TODAY, Person, Post


@dataclass(kw_only=True)
class Bender:
    """What a case may draw on; `previous` is the person before, for twins and namesakes."""

    rng: Random
    numbers: Numbers
    organisations: Sequence[Organisation]
    previous: Person | None = None

    def other_organisation(self, code: str) -> str:
        """An organisation other than this one."""
        drawn = self.rng.choice(self.organisations).code
        return drawn if drawn != code else self.organisations[0].code


Bend = Callable[[Person, Bender], Person | None]


def bend(people: Iterable[Person], bender: Bender) -> Iterator[Person]:
    """All people in their order, some of them bent."""
    for person in people:
        bent = person
        for case, (interval, act) in CASES.items():
            if person.number % interval == interval // 2:
                after = act(bent, bender)
                bent = bent if after is None else replace(after, cases=bent.cases | {case})
        bender.previous = bent
        yield bent


def _variant(person: Person, bender: Bender) -> Person:
    """A given name in a writing that another office would not use, or that another would write so."""
    surname = "王" if person.ethnicity == MONGOLIAN else person.name[0]
    return replace(person, name=surname + bender.rng.choice(bender.rng.choice(list(VARIANTS.items()))))


def _dotted(person: Person, bender: Bender) -> Person:
    """A Mongolian name with its clan, the dot typed as somebody once typed it."""
    rng = bender.rng
    given = rng.choice(MONGOLIAN_MALE if person.male else MONGOLIAN_FEMALE)
    return replace(person, ethnicity=MONGOLIAN, name=f"{rng.choice(CLANS)}{rng.choice(DOTS)}{given}")


def _untidy(person: Person, bender: Bender) -> Person:
    """A name with an ideographic space, a number with full-width digits or a small x."""
    if len(person.name) == 2:
        return replace(person, name="\u3000".join(person.name))
    if person.id_number.endswith("X"):
        return replace(person, id_number=person.id_number.lower())
    wide = bender.rng.randrange(6, 14)
    digit = chr(ord(person.id_number[wide]) + 0xFEE0)
    return replace(person, id_number=person.id_number[:wide] + digit + person.id_number[wide + 1 :])


def _rare(person: Person, bender: Bender) -> Person:
    """A character of the supplementary planes."""
    return replace(person, name=person.name[0] + bender.rng.choice(RARE))


def _private_use(person: Person, bender: Bender) -> Person:
    """A private-use character, as files of the time before GB 18030-2005 have it."""
    return replace(person, name=person.name[0] + bender.rng.choice(PRIVATE_USE))


def _namesake(person: Person, bender: Bender) -> Person | None:
    """The name of the colleague before."""
    before = bender.previous
    return replace(person, name=before.name, ethnicity=before.ethnicity) if before else None


def _twin(person: Person, bender: Bender) -> Person | None:
    """A twin of the person before: same day, same place, neighbouring number, one character of the name differs."""
    before = bender.previous
    if before is None or not _plain_number(before):
        return None
    if not years_after(before.birth, 18) <= person.work_start <= years_after(before.birth, 30):
        return None  # the life of this person would not fit that day of birth
    return replace(
        person,
        id_number=bender.numbers.beside(before.id_number, male=person.male),
        name=before.name[0] + han_given(bender.rng, male=person.male)[0],
        birth=before.birth,
        ethnicity=before.ethnicity,
    )


def _plain_number(person: Person) -> bool:
    return len(person.id_number) == 18 and person.id_number.isascii()


def _old_number(person: Person, _: Bender) -> Person | None:
    """A number of 15 digits, as it stood on the first card."""
    if person.birth.year >= 2000 or not _plain_number(person):
        return None
    return replace(person, id_number=as_old(person.id_number))


def _resident_permit(person: Person, bender: Bender) -> Person:
    """A number of the 81, 82 or 83 series."""
    return replace(person, id_number=bender.numbers.permit(person.birth, male=person.male), ethnicity="汉族")


def _transferred(person: Person, bender: Bender) -> Person | None:
    """One to three earlier posts, each ending on the day the next began; the first where they started work."""
    chain = [person.main_post]
    for _ in range(bender.rng.randint(1, 3)):
        until = chain[0].since
        if until <= person.work_start:
            break
        chain.insert(0, _earlier(chain[0], bender, person.work_start, until))
    if len(chain) == 1:
        return None
    return replace(person, posts=(*chain, *(post for post in person.posts if not post.main)))


def _earlier(post: Post, bender: Bender, first: date, until: date) -> Post:
    since = day_between(bender.rng, max(first, years_after(until, -12)), years_after(until, -0.2))
    return replace(
        post,
        organisation=bender.other_organisation(post.organisation),
        main=False,
        since=max(first, since),
        until=until,
    )


def _seconded(person: Person, bender: Bender) -> Person | None:
    """借调: works elsewhere now, holds quota and pay at home: two records at once."""
    if not person.active or not person.quota_since:
        return None
    return replace(person, status="借调", posts=(*person.posts, _beside(person, bender, "借调")))


def _concurrent(person: Person, bender: Bender) -> Person | None:
    """兼任: a second post beside the main one."""
    if not person.active or person.main_post.category == "非领导":
        return None
    return replace(person, posts=(*person.posts, _beside(person, bender, "兼任")))


def _beside(person: Person, bender: Bender, form: str) -> Post:
    main = person.main_post
    since = day_between(bender.rng, max(main.since, years_after(TODAY, -3)), years_after(TODAY, -0.05))
    elsewhere = bender.other_organisation(main.organisation)
    return replace(main, organisation=elsewhere, section="办公室", main=False, form=form, since=max(main.since, since))


def _double_pay(person: Person, bender: Bender) -> Person | None:
    """双薪: a second organisation pays as well."""
    if not person.active or not person.quota_since:
        return None
    second = replace(person.pays[0], organisation=bender.other_organisation(person.pays[0].organisation))
    return replace(person, pays=(*person.pays, second))


# Every how many people, and what. The order is that of the doing: numbers after twins, dirt on top.
CASES: Mapping[str, tuple[int, Bend]] = {
    "dotted": (61, _dotted),
    "variant": (167, _variant),
    "rare": (947, _rare),
    "private_use": (1907, _private_use),
    "namesake": (401, _namesake),
    "twin": (151, _twin),
    "resident_permit": (2903, _resident_permit),
    "transferred": (23, _transferred),
    "seconded": (71, _seconded),
    "concurrent": (37, _concurrent),
    "double_pay": (907, _double_pay),
    "old_number": (89, _old_number),
    "untidy": (131, _untidy),
}
