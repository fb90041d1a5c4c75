"""What a grant leaks at worst, on its way: put into its document, shown, signed with it, held against its numbers."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import cast

import pytest
from msgspec.structs import replace
from sqlalchemy import text

from adapters.sql.engine import open_engine
from audit.entry import JsonValue
from gateway.api.office.deed_bodies import whole
from gateway.deeds.changes import changes
from gateway.deeds.deed import drawn
from gateway.deeds.document import Document, Kind
from gateway.deeds.errors import DeedError
from gateway.deeds.granting import read_grant
from gateway.deeds.keeping import Kept, State
from gateway.deeds.leaking import NO_FIGURE, sheet
from gateway.deeds.roll import Roll
from gateway.deeds.steps import EMERGENCY, WITHDRAWAL
from gateway.domain.errors import UnavailableError
from gateway.drafting import ForbiddenError
from gateway.watch.leak_ground import Ground, ground_of, part_of_units
from gateway.watch.leak_signed import LeakDesk, round_down
from gateway.watch.thresholds import Thresholds
from ops.settings import ServeSettings, load
from policies.catalogue import load_catalogue
from tests.lives import CLERK, HANDS, HEAD, LEADER, NUMBER, PARTNER, REVIEWER, SHORT, Life, content
from tests.make import a_grant
from tests.people import FOUNDATION, SIGNED_AT, a_document, granted, people

Content = Mapping[str, JsonValue]
CATALOGUE = load_catalogue()


@pytest.fixture
def life(tmp_path: Path) -> Iterator[Life]:
    life = Life(tmp_path)
    yield life
    life.close()


def document_of(kept: Kept) -> Document:
    return kept.opened().document


def leak_of(kept: Kept) -> dict[str, JsonValue]:
    told = document_of(kept).content["leak"]
    assert isinstance(told, dict)
    return cast("dict[str, JsonValue]", told)


def slipped_in(life: Life, kept: Kept, **changes: object) -> Kept:
    """Somebody who owns the database puts another draft in place of one that waits."""
    before = document_of(kept)
    told = cast("Content", {name: each for name, each in {**before.content, **changes}.items() if each is not None})
    kept = replace(kept, deed=drawn(dataclasses.replace(before, content=told)).encode())
    with life.office.store.begin() as work:
        work.deeds.put(kept)
        work.commit()
    return kept


def worse(leak: Content, **changes: object) -> dict[str, object]:
    """The figure with other numbers for a stolen credential."""
    stolen = cast("Content", leak["stolen"])
    return {**leak, "stolen": {**stolen, **changes}}


# ------------------------------------------------------------------------------------------------- in what is signed


def test_a_grant_that_is_drawn_up_says_what_it_leaks_at_worst(life: Life) -> None:
    kept = life.apply()

    leak = leak_of(kept)
    assert leak["most"] == {"persons": 1000, "answers": 1000, "days": 365}
    assert leak["closed"] is not None
    assert leak["without"] == {**leak["without"], "field": "unit"}  # type: ignore[dict-item]  # a table
    assert read_grant(document_of(kept)).leak is not None


@pytest.mark.parametrize("path", [pytest.param(path, id=path) for path in HANDS if path != WITHDRAWAL])
def test_what_everybody_signed_says_it_still(life: Life, path: str) -> None:
    kept = life.grant(path=path)

    assert kept.state is State.IN_FORCE
    assert kept.opened().last.document.find(b'"leak":{"basis":') > 0
    assert life.standing.content(Kind.GRANT, NUMBER) == document_of(kept).content


def test_whoever_draws_it_up_does_not_write_the_figure(life: Life) -> None:
    honest = leak_of(life.apply("G-2"))

    own = life.apply(told=content(leak={"stolen": "nothing"}))
    copied = life.apply("G-3", told=content(leak=honest, scope=["150100"]))

    assert leak_of(own)["most"] == leak_of(copied)["most"] == honest["most"]


def test_a_narrower_draft_has_a_figure_of_its_own(life: Life) -> None:
    kept = life.apply()
    few = cast("dict[str, JsonValue]", content()["limits"]) | {"subjects_per_year": 200}

    narrower = life.office.narrow(life.person(HEAD), kept.opened().digest, content(limits=few), "少一些")

    assert cast("Content", leak_of(narrower)["most"])["persons"] == 200
    assert life.sign(narrower, HEAD, REVIEWER, LEADER).state is State.IN_FORCE


def test_an_amended_grant_has_a_new_figure_and_one_line_says_what_became_of_it(life: Life) -> None:
    first = life.grant()

    second = life.grant(told=content(valid_until="2026-09-30"))

    assert leak_of(first) != leak_of(second)
    told, more = changes(Kind.GRANT, document_of(first).content, document_of(second).content)
    assert [each["at"] for each in told] == ["/leak", "/valid_until"]
    assert str(told[0]["new"]).endswith("most 360/360/93")
    assert not more


# ------------------------------------------------------------------------------------------------------ and refused

FALSE: dict[str, Callable[[Content], dict[str, object]]] = {
    "fewer persons": lambda told: {"leak": worse(told, persons={"median": 0, "worst": 0})},
    "more persons": lambda told: {"leak": worse(told, persons={"median": 900, "worst": 900})},
    "stopped, of course": lambda told: {"leak": worse(told, stopped=99)},
    "less than all budgets": lambda told: {"leak": {**told, "most": {"persons": 1, "answers": 1, "days": 1}}},
    "nothing to close": lambda told: {"leak": {**told, "closed": None}},
    "no field to drop": lambda told: {"leak": {**told, "without": None}},
    "that of a larger register": lambda told: {
        "leak": {**told, "basis": {**cast("Content", told["basis"]), "register": 10**9}}
    },
    "that of more plays": lambda told: {"leak": {**told, "basis": {**cast("Content", told["basis"]), "plays": 999}}},
    "that of other thresholds": lambda told: {
        "leak": {**told, "basis": {**cast("Content", told["basis"]), "thresholds": "0" * 16}}
    },
    "that of a smaller grant": lambda _: {
        "limits": {**cast("Content", content()["limits"]), "subjects_per_year": 1100}
    },
    "that of another field": lambda _: {"fields": {"name": "核对", "pay_amount": "核对"}},
    "that of a class that was": lambda _: {"class": "open"},
    "none": lambda _: {"leak": None},
}


@pytest.mark.parametrize("how", FALSE)
def test_nobody_signs_a_figure_that_is_not_the_grants(life: Life, how: str) -> None:
    kept = life.apply()
    life.office.leaks = dataclasses.replace(life.office.leaks, register=lambda: 30_000)
    false = slipped_in(life, kept, **FALSE[how](leak_of(kept)))

    with pytest.raises(DeedError, match="重新拟稿"):
        life.sign(false, HEAD)

    assert life.office.pending()[0].opened().signatures == ()


def test_a_false_figure_is_no_figure_either_further_on(life: Life) -> None:
    kept = life.sign(life.apply(), HEAD, REVIEWER)
    life.office.ground = lambda _: Ground(Thresholds(check_share=0.05))

    with pytest.raises(DeedError, match="阈值"):
        life.sign(kept, LEADER)


def test_whose_thresholds_changed_meanwhile_is_narrowed_to_what_it_was(life: Life) -> None:
    kept = life.sign(life.apply(), HEAD)
    life.office.ground = lambda _: Ground(Thresholds(check_share=0.05))

    anew = life.office.narrow(life.person(REVIEWER), kept.opened().digest, content(), "阈值有变")

    assert life.sign(anew, REVIEWER, LEADER).state is State.IN_FORCE


def test_a_draft_from_before_the_figure_is_drawn_up_anew(life: Life) -> None:
    old = slipped_in(life, life.apply(), leak=None)
    with pytest.raises(DeedError, match="没有最坏泄露"):
        life.sign(old, HEAD)

    life.office.refuse(life.person(CLERK), old.opened().digest, "重新拟稿")

    assert life.grant().state is State.IN_FORCE


def test_a_figure_altered_behind_the_signatures_makes_everything_unusable(life: Life) -> None:
    kept = life.grant()
    deed = kept.deed
    altered = deed.replace(b'"stopped":0', b'"stopped":9', 1)
    assert altered != deed
    engine = open_engine(life.home.database_url(load(life.home, "serve.toml", ServeSettings)))
    with engine.begin() as connection:
        connection.execute(text("UPDATE deed SET deed = :deed WHERE kind = 'grant'"), {"deed": altered})
    engine.dispose()
    life.office.reader.forget()

    with pytest.raises(UnavailableError):
        life.office.standing()


NO_FIGURE_NEEDED: dict[str, Document] = {
    "a withdrawal": a_document(Kind.GRANT, NUMBER, {"partner": PARTNER}, path=WITHDRAWAL, serial=2, previous="0" * 64),
    "a freeze": a_document(Kind.FREEZE, f"grant.{NUMBER}", {"frozen": True}),
}


@pytest.mark.parametrize("document", NO_FIGURE_NEEDED.values(), ids=NO_FIGURE_NEEDED.keys())
def test_what_grants_nothing_has_no_figure(document: Document) -> None:
    desk = LeakDesk(catalogue=CATALOGUE, register=lambda: 0)

    desk.check(document, Ground())

    assert desk.filled(document, Ground()) == document


def test_what_is_no_grant_is_left_to_whoever_says_why(life: Life) -> None:
    with pytest.raises(DeedError, match="class"):
        life.apply(told=content(**{"class": "any"}))


# ---------------------------------------------------------------------------------------------- registers, and before


@pytest.mark.parametrize(("count", "round_one"), [(0, 0), (7, 7), (10, 10), (1_999, 1_000), (1_234_567, 1_000_000)])
def test_of_a_register_the_first_digit_is_told(count: int, round_one: int) -> None:
    assert round_down(count) == round_one


GROWN = {"nobody knew": (0, 30_000, True), "nobody knows": (30_000, 0, True), "grown": (30_000, 69_000, True)}
GROWN |= {"grown out of it": (30_000, 90_000, False), "hardly anybody left": (30_000, 9_000, False)}


@pytest.mark.parametrize("name", GROWN)
def test_a_register_may_grow_between_draft_and_signature(life: Life, name: str) -> None:
    then, now, is_near = GROWN[name]
    life.office.leaks = dataclasses.replace(life.office.leaks, register=lambda: then)
    kept = life.apply()
    life.office.leaks = dataclasses.replace(life.office.leaks, register=lambda: now)

    if is_near:
        assert life.sign(kept, *HANDS["usual"]).state is State.IN_FORCE
    else:
        with pytest.raises(DeedError, match="名册规模"):
            life.sign(kept, HEAD)


TREE = {"0": "", "1": "0", "2": "0", "11": "1", "12": "1"}
SCOPES: dict[str, tuple[list[str], dict[str, str], int]] = {
    "the whole": (["0"], TREE, 1000),
    "all there is": (["all"], TREE, 1000),
    "all of a tree that nobody knows": (["all"], {}, 1000),
    "one with all below it": (["1"], TREE, 600),
    "one within another counts once": (["1", "11"], TREE, 600),
    "two": (["11", "2"], TREE, 400),
    "nowhere": (["9"], TREE, 0),
    "nobody knows the tree": (["0"], {}, 0),
    "nothing": ([], TREE, 0),
    "one of many is more than nothing": (["7"], {str(unit): "" for unit in range(5_000)}, 1),
    "a ring": (["1"], {"2": "3", "3": "2", "1": ""}, 334),
    "below what is not there": (["1"], {"1": "0", "2": "1"}, 1000),
}


@pytest.mark.parametrize("name", SCOPES)
def test_how_much_a_scope_covers(name: str) -> None:
    scope, tree, part = SCOPES[name]

    assert part_of_units(scope, tree) == part


def test_a_tree_as_deep_as_it_is_large_is_walked_once() -> None:
    tree = {str(unit): str(unit - 1) if unit else "" for unit in range(50_000)}

    assert part_of_units(["0"], tree) == part_of_units(["0", "25000"], tree) == 1000
    assert part_of_units(["25000"], tree) == 500


def test_a_scope_that_is_the_whole_register_bounds_no_thief(life: Life) -> None:
    assert ground_of(life.standing) == Ground()
    life.office.ground = lambda _: Ground(units={"150000": "", "150100": "150000", "150200": "150000"})

    few, whole = leak_of(life.apply("G-1")), leak_of(life.apply("G-2", told=content(scope=["150000"])))

    persons = [cast("Content", cast("Content", each["stolen"])["persons"])["worst"] for each in (few, whole)]
    assert cast("Content", whole["basis"])["scope"] == 1000
    assert persons[1] == cast("Content", whole["most"])["persons"]


def test_a_scope_that_grew_since_the_draft_is_told_anew(life: Life) -> None:
    life.office.ground = lambda _: Ground(units=dict.fromkeys(("150100", *map(str, range(9))), ""))
    kept = life.apply()
    life.office.ground = lambda _: Ground(units={"150100": "", **dict.fromkeys(map(str, range(9)), "150100")})

    with pytest.raises(DeedError, match="机构树"):
        life.sign(kept, HEAD)


def test_grants_from_before_the_figure_are_read_and_trusted_as_they_were() -> None:
    old = granted(a_grant())
    assert b'"leak"' not in old.last.document

    Roll(FOUNDATION, people()).open(old, SIGNED_AT)

    assert read_grant(old.document).leak is None
    assert sheet(read_grant(old.document).leak) == [NO_FIGURE]


def test_a_figure_that_says_null_is_no_old_grant() -> None:
    document = granted(a_grant()).document

    with pytest.raises(DeedError):
        read_grant(dataclasses.replace(document, content={**document.content, "leak": None}))


# ------------------------------------------------------------------------------------------------------------ in words


def test_it_is_read_in_chinese_before_it_is_signed(life: Life) -> None:
    told = sheet(read_grant(document_of(life.apply())).leak, {"unit": "单位"}.__getitem__)

    assert told[0].startswith("最坏泄露")
    for line, begin in zip(
        told[1:], ("凭证被盗", "经办人不实", "无论何人", "若改为限定名册", "若删去“单位”", "依据"), strict=True
    ):
        assert line.strip().startswith(begin)


def test_an_emergency_is_told_its_worst_like_any_other(life: Life) -> None:
    leak = leak_of(life.apply(path=EMERGENCY, told=SHORT))

    assert cast("Content", leak["most"])["persons"] == 80


def test_the_door_tells_it_in_numbers_and_in_words(life: Life) -> None:
    kept = life.apply()

    told = whole(kept, life.person(REVIEWER), life.standing, life.now)
    leak = cast("dict[str, JsonValue]", told["leak"])

    assert {name: each for name, each in leak.items() if name != "zh"} == leak_of(kept)
    assert cast("list[str]", leak["zh"])[0].startswith("最坏泄露")


def test_what_grants_nothing_is_told_without_it_at_the_door(life: Life) -> None:
    life.grant()

    for kept in (life.withdraw(), life.freeze()):
        assert whole(kept, life.person(REVIEWER), life.standing, life.now)["leak"] is None


def test_nobody_makes_us_work_out_what_they_may_not_draw_up(life: Life) -> None:
    with pytest.raises(ForbiddenError):
        life.draw(Kind.GRANT, "G-9", content(), REVIEWER)
    with pytest.raises(ForbiddenError):
        life.office.narrow(life.person(LEADER), life.apply("G-8").opened().digest, content(contact="某"), "越位")

    assert len(life.office.leaks.known) == 1
