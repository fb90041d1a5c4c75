"""The five shipped departments keep to their division of labour: who answers for what, and who must not ask it."""

from __future__ import annotations

import pytest

from policies.catalogue import Comparator
from policies.decision import Permit
from policies.expectations import SHIPPED_EXPECTATIONS
from policies.expected import Expectations, read_expectations
from policies.files import read_folder
from policies.loader import SHIPPED_RULEBOOKS
from policies.publication import load_texts, read_texts
from policies.snapshot import Ask, Snapshot, compile_rules
from tests.policies.rules import CATALOGUE

TABLES = {table.department: table for table in read_expectations(read_folder(SHIPPED_EXPECTATIONS))}
CLIENTS = {table.situation.client: table.department for table in TABLES.values()}

LEADER_POSTS = {"org_posts_leader", "org_leaders"}
PERSONS = {"name", "unit", "person_status", "post", "leader_rank", "rank"}
PAID_FROM_THE_BUDGET = {"name", "unit", "quota_type", "quota_funding", "person_status", "pay_unit", "pay_status"}
PAY = {"pay_unit", "pay_status", "pay_month", "pay_grade", "pay_amount", "pay_base"}
CADRES = {"political_status", "leader_rank", "rank", "post", "post_since"}

# What a department answers for by the division of labour, and what it must never be able to ask.
DIVISION = {
    "组织：领导职数和人员，不看工资": ("dept:zuzhi", LEADER_POSTS | PERSONS, PAY),
    "财政：财政供养人员，不看干部职务": ("dept:caizheng", PAID_FROM_THE_BUDGET, CADRES | LEADER_POSTS),
    "人社：领导职数和人员，不看工资数额": (
        "dept:renshe",
        LEADER_POSTS | PERSONS,
        {"pay_amount", "pay_base", "political_status"},
    ),
    "社保：参保和待遇，不看职务和工资数额": (
        "dept:shebao",
        {"name", "unit", "person_status", "birth_date", "pay_status"},
        CADRES | LEADER_POSTS | {"pay_amount", "pay_base"},
    ),
    "纪检：按事由核查，不看工资数额": (
        "dept:jijian",
        PERSONS | LEADER_POSTS | {"pay_status"},
        {"pay_grade", "pay_amount", "pay_base"},
    ),
}


@pytest.fixture(scope="module")
def shipped() -> Snapshot:
    texts = read_texts(SHIPPED_RULEBOOKS, SHIPPED_EXPECTATIONS)
    return compile_rules(load_texts(texts, CATALOGUE, CLIENTS, number=1, digest="00" * 32))


def may_ask(snapshot: Snapshot, table: Expectations, *, matter: bool = True) -> set[str]:
    """Every field that the department can ask for some purpose with some comparator in its usual situation."""
    here, found = table.situation, set[str]()
    for purpose in (purpose.id for book in snapshot.rules.books for purpose in book.purposes):
        for comparator in Comparator:
            claims = tuple((key, comparator.value) for key in CATALOGUE.fields)
            ask = Ask(here.client, claims, f"purpose:{purpose}", (here.unit,), here.address, matter)
            verdict = snapshot.judge(ask, here.at)
            found |= verdict.fields if isinstance(verdict, Permit) else set()
    return found


@pytest.mark.parametrize(("department", "answers_for", "never"), DIVISION.values(), ids=DIVISION)
def test_every_department_asks_what_it_answers_for(
    shipped: Snapshot, department: str, answers_for: set[str], never: set[str]
) -> None:
    found = may_ask(shipped, TABLES[department])

    assert answers_for <= found
    assert not never & found


def test_all_five_are_shipped_with_a_table_each(shipped: Snapshot) -> None:
    books = {book.department for book in shipped.rules.books} - {"tier:all"}

    assert books == TABLES.keys() == {department for department, _, _ in DIVISION.values()}


def test_nobody_asks_what_no_purpose_needs(shipped: Snapshot) -> None:
    assert all("ethnicity" not in may_ask(shipped, table) for table in TABLES.values())


def test_discipline_inspection_asks_for_a_matter_or_not_at_all(shipped: Snapshot) -> None:
    assert may_ask(shipped, TABLES["dept:jijian"], matter=False) == set()


def test_every_purpose_of_discipline_inspection_is_secret_and_wants_a_matter(shipped: Snapshot) -> None:
    for book in shipped.rules.books:
        marks = {(purpose.matter, purpose.secret) for purpose in book.purposes}
        assert marks <= ({(True, True)} if book.department == "dept:jijian" else {(False, False)})
