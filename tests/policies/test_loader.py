"""Every way in which Casbin would lose a deny or widen an allow in silence is refused, with a word on what to do."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.catalogue import Sharing
from policies.decision import Permit, Refusal
from policies.loader import SHIPPED_RULEBOOKS, load_rulebooks
from policies.problems import ADVICE, Pitfall, RulebookError
from policies.rows import MAX_DEPTH, PolicyRow
from policies.snapshot import Ask, compile_rules
from policies.stock import Stock
from tests.policies.rules import BOOK, CATALOGUE, CLIENTS, MONDAY, UNITS, WORLD, a_row, flat, load

ASK = Ask("client:caizheng-pay-01", (("name", "equals"),), "purpose:payroll-check", ("org:bureau-1",), "10.1.2.3")

# What is changed in the rulebook, which pitfall it is, and at which item it is reported.
PITFALLS = {
    "a byte order mark": ("\ndepartment", "\ufeff\ndepartment", Pitfall.BOM, "-"),
    "text that is no TOML": ("version = 3", "version = ]", Pitfall.UNREADABLE, "-"),
    "a key twice": ("version = 3", "version = 3\nversion = 4", Pitfall.UNREADABLE, "-"),
    "an effect with a capital": ('"deny"', '"Deny"', Pitfall.EFFECT, "CZ-002"),
    "an effect with a space": ('"deny"', '"deny "', Pitfall.EFFECT, "CZ-002"),
    "an effect that is none": ('"deny"', '"forbid"', Pitfall.EFFECT, "CZ-002"),
    "an unknown key in a rule": ("units =", "unit =", Pitfall.UNKNOWN_KEY, "CZ-001"),
    "an unknown list": ("[[rules]]", "[[rule]]", Pitfall.UNKNOWN_KEY, "-"),
    "an unknown key in a network": ("cidrs =", "cidr =", Pitfall.UNKNOWN_KEY, "office"),
    "a rule without legal basis": (
        'legal_basis = "某办法"\nreason = "发',
        'reason = "发',
        Pitfall.MISSING_KEY,
        "CZ-001",
    ),
    "a rule without id": ('id = "CZ-001"\n', "", Pitfall.MISSING_KEY, "rules[1]"),
    "a book without version": ("version = 3", "", Pitfall.MISSING_KEY, "-"),
    "a version that is a text": ("version = 3", 'version = "3"', Pitfall.WRONG_TYPE, "-"),
    "a version that is true": ("version = 3", "version = true", Pitfall.WRONG_TYPE, "-"),
    "a version of nothing": ("version = 3", "version = 0", Pitfall.WRONG_TYPE, "-"),
    "one field instead of a list": ('["name", "unit"]', '"name"', Pitfall.WRONG_TYPE, "CZ-001"),
    "a number among the fields": ('["name", "unit"]', '["name", 7]', Pitfall.WRONG_TYPE, "CZ-001"),
    "one table instead of a list of tables": ("[[networks]]", "[networks]", Pitfall.WRONG_TYPE, "-"),
    "a day with an hour": (
        'reason = "发薪前核对"',
        'reason = "a"\nvalid_to = 2026-01-01T00:00:00',
        Pitfall.WRONG_TYPE,
        "CZ-001",
    ),
    "no fields": ('["name", "unit"]', "[]", Pitfall.EMPTY, "CZ-001"),
    "neither fields nor classes": ('fields = ["name", "unit"]\n', "", Pitfall.EMPTY, "CZ-001"),
    "no operators": ('operators = ["equals"]', "operators = []", Pitfall.EMPTY, "CZ-001"),
    "no networks": ('["10.0.0.0/8"]', "[]", Pitfall.EMPTY, "office"),
    "a field twice": ('["name", "unit"]', '["name", "name"]', Pitfall.DUPLICATE, "CZ-001"),
    "an id twice": ('"CZ-002"', '"CZ-001"', Pitfall.DUPLICATE, "CZ-001"),
    "a comma in an id": ('"CZ-001"', '"CZ,001"', Pitfall.BAD_NAME, "CZ,001"),
    "a bracket in an id": ('"CZ-001"', '"CZ]001"', Pitfall.BAD_NAME, "CZ]001"),
    "a quote in a field": ('"name", "unit"', '"na\'me"', Pitfall.BAD_NAME, "CZ-001"),
    "a comment sign in a purpose": ('["payroll-check"]', '["payroll#check"]', Pitfall.BAD_NAME, "CZ-001"),
    "a newline in a field": ('"name", "unit"', '"na\\nme"', Pitfall.BAD_TEXT, "CZ-001"),
    "a kind in a field": ('"name", "unit"', '"class:any"', Pitfall.BAD_NAME, "CZ-001"),
    "a look-alike letter": ('"name", "unit"', '"nаme"', Pitfall.BAD_NAME, "CZ-001"),
    "an empty legal basis": ('"某办法"\nreason = "发', '" "\nreason = "发', Pitfall.BAD_TEXT, "CZ-001"),
    "an invisible character": ('"发薪前核对"', '"发薪\u200b前核对"', Pitfall.BAD_TEXT, "CZ-001"),
    "a department without its kind": ('"dept:caizheng"', '"caizheng"', Pitfall.WRONG_KIND, "-"),
    "a client as department": ('"dept:caizheng"', '"client:caizheng"', Pitfall.WRONG_KIND, "-"),
    "a tier that does not exist": ('"dept:caizheng"', '"tier:most"', Pitfall.UNKNOWN_NAME, "-"),
    "a unit without its kind": ('["org:league"]', '["league"]', Pitfall.WRONG_KIND, "CZ-001"),
    "a unit that does not exist": ('["org:league"]', '["org:banner-9"]', Pitfall.UNKNOWN_NAME, "CZ-001"),
    "a field that does not exist": ('["name", "unit"]', '["salary"]', Pitfall.UNKNOWN_NAME, "CZ-001"),
    "a class that does not exist": ("sensitivity-sensitive", "sensitivity-secret", Pitfall.UNKNOWN_NAME, "CZ-002"),
    "a comparator that does not exist": ('"at_most"]', '"below"]', Pitfall.UNKNOWN_NAME, "CZ-002"),
    "a purpose that does not exist": ('["payroll-check"]', '["payroll"]', Pitfall.UNKNOWN_NAME, "CZ-001"),
    "a window that does not exist": ('window = "hours"', 'window = "nights"', Pitfall.UNKNOWN_NAME, "CZ-001"),
    "a network that does not exist": ('network = "office"', 'network = "home"', Pitfall.UNKNOWN_NAME, "CZ-001"),
    "a comparator the field has not": (
        'operators = ["equals"]',
        'operators = ["at_least"]',
        Pitfall.OPERATOR,
        "CZ-001",
    ),
    "a network with host bits": ("10.0.0.0/8", "10.1.2.3/8", Pitfall.BAD_CIDR, "office"),
    "a network without length of its own": ("10.0.0.0/8", "10.0.0.0/33", Pitfall.BAD_CIDR, "office"),
    "a network no address is read in": ("10.0.0.0/8", "::ffff:10.0.0.0/104", Pitfall.BAD_CIDR, "office"),
    "hours over midnight": ("08:30-17:30", "22:00-06:00", Pitfall.BAD_WINDOW, "hours"),
    "hours after midnight": ("08:30-17:30", "08:30-24:30", Pitfall.BAD_WINDOW, "hours"),
    "no hours at all": ("08:30-17:30", "08:30-08:30", Pitfall.BAD_WINDOW, "hours"),
    "days in the wrong order": ("mon-fri", "fri-mon", Pitfall.BAD_WINDOW, "hours"),
    "a day that does not exist": ("mon-fri", "mon-fry", Pitfall.BAD_WINDOW, "hours"),
    "full-width digits": ("08:30-17:30", "０８:30-17:30", Pitfall.BAD_WINDOW, "hours"),
    "an end before its start": (
        'reason = "发薪前核对"',
        'reason = "a"\nvalid_from = 2026-02-01\nvalid_to = 2026-01-31',
        Pitfall.BAD_PERIOD,
        "CZ-001",
    ),
    "an allow for every purpose": ('["payroll-check"]', '["*"]', Pitfall.WIDE_ALLOW, "CZ-001"),
    "every purpose among others": ('["*"]', '["*", "payroll-check"]', Pitfall.BAD_NAME, "CZ-002"),
    "an allow for every field": ('fields = ["name", "unit"]', 'classes = ["any"]', Pitfall.WIDE_ALLOW, "CZ-001"),
    "an allow for everybody": ('"dept:caizheng"', '"tier:all"', Pitfall.WIDE_ALLOW, "CZ-001"),
}


@pytest.mark.parametrize(("old", "new", "pitfall", "item"), PITFALLS.values(), ids=PITFALLS)
def test_a_pitfall_is_refused_where_it_stands(tmp_path: Path, old: str, new: str, pitfall: Pitfall, item: str) -> None:
    assert old in BOOK

    with pytest.raises(RulebookError) as refused:
        load(tmp_path, BOOK.replace(old, new, 1))

    found = {(problem.file, problem.item, problem.pitfall) for problem in refused.value.problems}
    assert ("a.toml", item, pitfall) in found
    assert ADVICE[pitfall] in str(refused.value)


OUTSIDE = {
    "a client that is named like a department": ({"dept:caizheng": "dept:caizheng"}, UNITS, Pitfall.WRONG_KIND),
    "a client of a tier": ({"client:a": "tier:all"}, UNITS, Pitfall.WRONG_KIND),
    "a client with a comma": ({"client:a,b": "dept:caizheng"}, UNITS, Pitfall.BAD_NAME),
    "a client without a name": ({"client:": "dept:caizheng"}, UNITS, Pitfall.BAD_NAME),
    "a unit of another kind": (CLIENTS, {"dept:caizheng": None}, Pitfall.WRONG_KIND),
    "a unit under nothing known": (CLIENTS, {**UNITS, "org:x": "org:y"}, Pitfall.UNKNOWN_NAME),
    "a unit under itself": (CLIENTS, {**UNITS, "org:x": "org:x"}, Pitfall.CYCLE),
    "a circle of units": (CLIENTS, {**UNITS, "org:x": "org:y", "org:y": "org:x"}, Pitfall.CYCLE),
    "a unit called like the top": (CLIENTS, {**UNITS, "org:all": None}, Pitfall.DUPLICATE),
    "too many levels of units": (
        CLIENTS,
        {**UNITS, "org:0": None, **{f"org:{n + 1}": f"org:{n}" for n in range(MAX_DEPTH)}},
        Pitfall.TOO_DEEP,
    ),
}


@pytest.mark.parametrize(("clients", "units", "pitfall"), OUTSIDE.values(), ids=OUTSIDE)
def test_names_from_outside_are_as_strict(
    tmp_path: Path, clients: dict[str, str], units: dict[str, str | None], pitfall: Pitfall
) -> None:
    with pytest.raises(RulebookError) as refused:
        load(tmp_path, BOOK, clients=clients, units=units)

    assert pitfall in {problem.pitfall for problem in refused.value.problems}


def test_every_pitfall_has_a_case() -> None:
    tried = {case[2] for case in PITFALLS.values()} | {case[2] for case in OUTSIDE.values()}

    assert tried | {Pitfall.BAD_FILE} == set(Pitfall) == set(ADVICE)  # names of files: test_publication.py


def test_files_that_are_not_there_are_no_empty_policy(tmp_path: Path) -> None:
    for source in (tmp_path / "none", [tmp_path / "none.toml"]):
        with pytest.raises(RulebookError, match="none"):
            load_rulebooks(source, CATALOGUE, clients=CLIENTS, units=UNITS)


def test_two_files_cannot_name_the_same_things(tmp_path: Path) -> None:
    with pytest.raises(RulebookError) as refused:
        load(tmp_path, BOOK, BOOK)

    doubled = {(problem.item, problem.detail) for problem in refused.value.problems if problem.file == "b.toml"}
    assert doubled == {
        ("dept:caizheng", "department"),
        ("payroll-check", "purpose"),
        ("office", "network"),
        ("hours", "window"),
        ("CZ-001", "rule"),
        ("CZ-002", "rule"),
    }


def test_all_problems_of_all_files_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(RulebookError) as refused:
        load(tmp_path, BOOK.replace('"deny"', '"Deny"').replace("10.0.0.0/8", "10.0.0.0"), "version = 1")

    assert {(problem.file, problem.pitfall) for problem in refused.value.problems} >= {
        ("a.toml", Pitfall.EFFECT),
        ("b.toml", Pitfall.MISSING_KEY),
    }


# ---------------------------------------------------------------------------------------------- rows made by hand

ROWS = {
    "an effect misspelt": (a_row(eft="Allow"), Pitfall.EFFECT),
    "an empty effect": (a_row(eft=""), Pitfall.EFFECT),
    "a role of another kind": (a_row()._replace(role="client:a"), Pitfall.WRONG_KIND),
    "a wildcard as role": (a_row()._replace(role="*"), Pitfall.WRONG_KIND),
    "a unit of another kind": (a_row()._replace(org="dept:x"), Pitfall.WRONG_KIND),
    "a bare field": (a_row()._replace(field="f"), Pitfall.WRONG_KIND),
    "a wildcard as comparator": (a_row()._replace(op="*"), Pitfall.BAD_NAME),
    "an allow for every purpose": (a_row()._replace(purpose="*"), Pitfall.WIDE_ALLOW),
    "an unknown window": (a_row()._replace(window="win:nights"), Pitfall.UNKNOWN_NAME),
    "an unknown network": (a_row()._replace(net="net:home"), Pitfall.UNKNOWN_NAME),
    "an id with a comma": (a_row("a,b"), Pitfall.BAD_NAME),
}


@pytest.mark.parametrize(("row", "pitfall"), ROWS.values(), ids=ROWS)
def test_no_other_way_leads_past_the_checks(row: PolicyRow, pitfall: Pitfall) -> None:
    with pytest.raises(RulebookError) as refused:
        flat(row)

    assert {problem.pitfall for problem in refused.value.problems} == {pitfall}


LINKS = {
    "a department under a client": {"clients": (("dept:x", "client:a"),)},
    "a tier under a department": {"clients": (("tier:all", "dept:x"),)},
    "a client under a client": {"clients": (("client:a", "client:b"),)},
    "a unit under a department": {"units": (("org:1", "dept:x"),)},
    "a class under a field": {"fields": (("class:low", "field:f"),)},
    "a circle of classes": {"fields": (("class:a", "class:b"), ("class:b", "class:a"))},
}


@pytest.mark.parametrize("links", LINKS.values(), ids=LINKS)
def test_links_made_by_hand_are_checked_too(links: dict[str, tuple[tuple[str, str], ...]]) -> None:
    tables = {"clients": WORLD.clients, "units": WORLD.units, "fields": WORLD.fields, **links}

    with pytest.raises(RulebookError):
        replace(WORLD, clients=tables["clients"], units=tables["units"], fields=tables["fields"])


def test_nine_levels_are_seen_by_casbin_and_by_us_alike() -> None:
    chain = tuple((f"org:{n + 1}", f"org:{n}") for n in range(MAX_DEPTH))
    deny = a_row("D-1", "deny")._replace(org="org:0", purpose="*")
    rules = replace(flat(a_row()._replace(org="org:9"), deny), units=chain)
    ask = Ask("client:a", (("f", "equals"),), "purpose:p", ("org:9",), "10.1.2.3")

    assert compile_rules(rules).judge(ask, MONDAY).rules == ("D-1",)
    assert Stock(rules).permitted(ask, MONDAY) == frozenset()


# ---------------------------------------------------------------------------------------------- what is loaded


def test_a_rulebook_becomes_flat_rows(tmp_path: Path) -> None:
    rules = load(tmp_path, BOOK)

    rows = {tuple(row) for row in rules.policy}
    allow = (
        "CZ-001",
        "dept:caizheng",
        "org:league",
        "field:name",
        "equals",
        "purpose:payroll-check",
        "win:hours",
        "net:office",
        "allow",
    )
    deny = (
        "CZ-002",
        "dept:caizheng",
        "org:all",
        "class:sensitivity-sensitive",
        "at_most",
        "*",
        "win:hours",
        "net:office",
        "deny",
    )
    assert len(rows) == 2 + 3
    assert {allow, deny} <= rows
    assert ("client:caizheng-pay-01", "dept:caizheng") in rules.clients
    assert ("dept:caizheng", "tier:all") in rules.clients
    assert {("org:league", "org:all"), ("org:bureau-1", "org:banner-1")} <= set(rules.units)
    assert ("field:name", "class:person") in rules.fields


def test_validity_days_become_part_of_the_window(tmp_path: Path) -> None:
    rules = load(
        tmp_path, BOOK.replace("[[rules]]\nid", "[[rules]]\nvalid_from = 2026-03-02\nvalid_to = 2026-03-03\nid", 1)
    )

    assert {row.window for row in rules.policy if row.id == "CZ-001"} == {"win:hours@2026-03-02_2026-03-03"}
    snapshot = compile_rules(rules)
    week = [MONDAY + timedelta(days=day) for day in range(-3, 4)]
    assert [at.day for at in week if isinstance(snapshot.judge(ASK, at), Permit)] == [2, 3]


def test_the_version_grows_with_the_books_and_its_digest_with_every_change(tmp_path: Path) -> None:
    first = load(tmp_path, BOOK)
    reordered = load(tmp_path, _with_rules_reversed(BOOK))
    changed = load(tmp_path, BOOK.replace('["name", "unit"]', '["name"]'))
    widened = load(tmp_path, BOOK.replace("10.0.0.0/8", "10.0.0.0/7"))

    assert first.version == reordered.version
    assert first.version.number == 3
    assert len({first.version.digest, changed.version.digest, widened.version.digest}) == 3


def _with_rules_reversed(book: str) -> str:
    head, *rules = book.split("[[rules]]")
    return "[[rules]]\n".join([head, *reversed([f"{rule.strip()}\n\n" for rule in rules])])


def test_no_file_and_no_rule_permit_nothing(tmp_path: Path) -> None:
    for rules in (load(tmp_path), load(tmp_path, BOOK.split("[[rules]]", maxsplit=1)[0])):
        assert rules.policy == ()
        assert isinstance(compile_rules(rules).judge(ASK, MONDAY), Refusal)


@given(st.text(min_size=1, max_size=12))
def test_any_text_is_refused_or_kept_to_the_letter(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    quoted = "".join(f"\\U{ord(letter):08X}" for letter in text if not 0xD800 <= ord(letter) <= 0xDFFF)
    book = BOOK.replace('"CZ-001"', f'"{quoted}"').replace('"发薪前核对"', f'"{quoted}"')
    written: str = tomllib.loads(book)["rules"][0]["id"]

    try:
        rules = load(tmp_path_factory.mktemp("books"), book)
    except RulebookError as refused:
        assert refused.problems  # noqa: PT017 - either way is right
    else:
        assert {row.id for row in rules.policy} == {written, "CZ-002"}
        assert rules.books[0].rules[0].reason == written


# ---------------------------------------------------------------------------------------------- what is shipped


def test_the_shipped_rulebooks_load() -> None:
    rules = load_rulebooks(SHIPPED_RULEBOOKS, CATALOGUE, clients=CLIENTS, units=UNITS)

    departments = {book.department for book in rules.books}
    assert departments == {"tier:all", "dept:zuzhi", "dept:caizheng", "dept:renshe", "dept:shebao", "dept:jijian"}
    assert all(rule.legal_basis and rule.reason for book in rules.books for rule in book.rules)


def test_a_field_that_is_not_shared_is_denied_to_everybody() -> None:
    hidden = replace(CATALOGUE.fields["name"], sharing=Sharing.NONE)
    catalogue = replace(CATALOGUE, fields={**CATALOGUE.fields, "name": hidden})
    rules = load_rulebooks(SHIPPED_RULEBOOKS, catalogue, clients=CLIENTS, units=UNITS)

    assert compile_rules(rules).judge(ASK, MONDAY).rules == ("TY-001",)
