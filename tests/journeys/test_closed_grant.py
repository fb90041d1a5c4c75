"""A closed grant from its application to its answers: a department draws its list, files it, signs it and adds to it.

People type commands, as in the story of the first partner, whose office this is.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bidui_client import Answer, Claim, Subject
from bidui_client.cohort import read_salts
from ops.demo.person import Person
from ops.demo.staging import grant_number
from tests.homes import until
from tests.invariants.searching import Searcher, files_of
from tests.journeys.test_first_partner import FINANCE, REFUSED, TAMPERED, Story, story
from tests.officers import Officer, Told

pytestmark = pytest.mark.slow

__all__ = ["story"]
NUMBER = "2026-closed-001"
USAGE = 2


def people(story: Story, *places: int) -> list[Person]:
    plain = [each for each in story.league.people() if not each.cases and each.status == "在职"]
    return [plain[place] for place in places]


def a_list(officer: Officer, name: str, members: list[Person]) -> Path:
    return officer.private(name, "\n".join(["姓名,身份证号", *(f"{each.name},{each.id_number}" for each in members)]))


def prepared(officer: Officer, name: str, members: list[Person], *more: object) -> tuple[Path, dict[str, Any]]:
    salts = officer.folder / f"{name}.salts.csv"
    done = officer.ok("cohort", "prepare", a_list(officer, name, members), "--out", salts, *more)
    assert not any(each.id_number in done.out for each in members)
    return salts, done.json


def ask(story: Story, person: Person) -> Answer:
    with story.client() as client:
        return client.compare(
            grant=NUMBER,
            purpose=FINANCE.purpose,
            operator=FINANCE.operator,
            subject=Subject("person", person.id_number, person.name),
            claims=[Claim("person_status", "在职")],
        )


def answers(story: Story, *places: int) -> list[str]:
    return [ask(story, person).subject for person in people(story, *places)]


@pytest.fixture(scope="module")
def closed(story: Story) -> Story:
    """With a closed grant in force, and no list yet."""
    text = (story.home.folder("grants") / f"{grant_number(story.home, FINANCE)}.toml").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.startswith(("number", "class", "additions_per_month"))]
    file = story.staff.folder / "closed.toml"
    head = [f'number = "{NUMBER}"', 'class = "closed"', "additions_per_month = 1"]
    file.write_text("\n".join([*head, *lines]), encoding="utf-8")
    (digest,) = story.who(FINANCE.operator).does("grant", "apply", file, "--reason", "工资统发").deeds
    for account in ("cz-head", "bb-rev", "bb-lead"):
        story.who(account).signs(digest)
    until(lambda: _is_known(story))
    return story


def _is_known(story: Story) -> bool:
    return ask(story, people(story, 0)[0]).subject == "not_confirmed"


def file_and_sign(officer: Officer, salts: Path, *more: object) -> Told:
    return officer.act("cohort", "file", NUMBER, salts, "--key", officer.key, "--yes", *more)


def test_the_list_is_drawn_filed_signed_and_answered(closed: Story) -> None:
    clerk, head, reviewer = (closed.who(each) for each in (FINANCE.operator, "cz-head", "bb-rev"))
    assert answers(closed, 0, 1) == ["not_confirmed"] * 2

    salts, told = prepared(clerk, "first", people(closed, 0, 1))
    assert told["count"] == 2
    filed = file_and_sign(clerk, salts)
    assert filed.code == 0, filed
    (digest,) = filed.deeds
    assert reviewer.sees(digest)["content"]["root"] == told["root"]
    assert answers(closed, 0) == ["not_confirmed"]
    assert head.tries_to_sign(digest).code == REFUSED
    (done,) = reviewer.signs(digest)
    assert done["state"] == "in_force"
    until(lambda: answers(closed, 0, 1, 2) == ["confirmed", "confirmed", "not_confirmed"])

    assert clerk.run("cohort", "verify", salts, "--root", told["root"]).code == 0
    assert clerk.run("cohort", "verify", salts, "--root", "0" * 64).code == TAMPERED

    more, added = prepared(head, "second", people(closed, 0, 1, 2), "--keep", _copied(head, salts))
    assert {each.salt for each in read_salts(salts)} < {each.salt for each in read_salts(more)}
    assert file_and_sign(clerk, more, "--addition").code == REFUSED
    done_by_head = file_and_sign(head, more, "--addition")
    assert done_by_head.code == 0, done_by_head
    assert [each["state"] for each in done_by_head.json["deeds"]] == ["in_force"]
    until(lambda: answers(closed, 0, 1, 2, 3) == ["confirmed"] * 3 + ["not_confirmed"])
    assert added["count"] == 3

    third, _ = prepared(head, "third", people(closed, 0, 1, 2, 3))
    assert file_and_sign(head, third, "--addition").code == REFUSED
    events = [each for each in closed.entries() if each["type"] == "cohort.filed"]
    assert [each["body"]["root"] for each in events][:1] == [told["root"]]


def test_wrong_files_are_told_by_their_row_alone(closed: Story) -> None:
    clerk, (person,) = closed.who(FINANCE.operator), people(closed, 5)
    wrong = person.id_number[:17] + ("0" if person.id_number[17] != "0" else "1")
    source = clerk.private("wrong", f"{person.id_number}\n{wrong}")

    done = clerk.run("cohort", "prepare", source, "--out", clerk.folder / "wrong.salts")

    assert done.code == USAGE
    assert "row 2" in done.err
    assert wrong not in done.err + done.out
    assert not (clerk.folder / "wrong.salts").exists()


def test_nothing_of_a_number_is_left_at_the_gateway(closed: Story) -> None:
    searcher = Searcher.of(people(closed, *range(8)))
    own = ("source/", "keys/clients/", "receipts/")

    assert not [name for name, content in files_of(closed.home.path, but=own) if searcher.find(content)]
    assert not searcher.find((closed.home.path.parent / "serve.log").read_bytes())


def _copied(officer: Officer, salts: Path) -> Path:
    """Salts handed from one colleague to another."""
    return officer.private("handed.csv", salts.read_text(encoding="utf-8").strip())
