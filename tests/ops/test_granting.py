"""A grant from a file, signed by the synthetic office: for demonstrations and tests alone."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from adapters.keys.files import KeyFileError
from adapters.sql.ledger_reader import SqlLedgerReader
from audit.entry import decode
from gateway.deeds.document import Kind
from gateway.deeds.granting import read_grant
from gateway.deeds.keeping import Kept
from gateway.deeds.reading import DeedsReader
from gateway.deeds.standing import Standing
from gateway.domain.grant import GrantError, canonical_document
from gateway.domain.people import Duty
from ops.demo.office import IDS, RehearsalError, SyntheticOffice, head_of, load_grant, number_of
from ops.foundation import read_home_foundation
from ops.office import open_office
from ops.prove.homes import as_toml
from ops.settings import Home, Mode, ServeSettings, load
from policies.catalogue import load_catalogue
from tests.homes import a_home
from tests.make import a_grant, a_grant_document

GRANT = as_toml(a_grant_document(fields=["name", "unit"]))


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A home with a partner, and a head to sign for it."""
    made = a_home(tmp_path / "home")
    with closing(SyntheticOffice(made)) as office:
        content = {"zh": "人社局", "en": "HR", "department": "caizheng"}
        office.put_in_force(Kind.PARTNER, "hr", content, Duty.SYSTEM_ADMIN, Duty.SECURITY_ADMIN)
        office.enrol(head_of("hr"), "负责人", Duty.HEAD, "hr")
        office.agree("hr")
    return made


def a_file(home: Home, text: str = GRANT, name: str = "G-1.toml") -> Path:
    path = home.folder("grants") / name
    path.write_text(text, encoding="utf-8")
    return path


def kept(home: Home) -> list[Kept]:
    """Every version of the grant that is in force or was."""
    with closing(open_office(home).store) as store, store.begin() as work:
        return [each for each in work.deeds.in_force(0) if each.kind == Kind.GRANT]


def standing(home: Home) -> tuple[int, Standing]:
    """The control epoch, and everything in force, each signature checked."""
    reader = DeedsReader(read_home_foundation(home))
    with closing(open_office(home).store) as store, store.begin() as work:
        return work.deeds.epoch(), reader.refresh(work.deeds, home.clock.now())  # type: ignore[attr-defined]  # a table


def recorded(home: Home) -> list[dict[str, object]]:
    """Entries about grants."""
    url = home.database_url(load(home, "serve.toml", ServeSettings))
    with closing(SqlLedgerReader.open(url)) as reader:
        opened = [decode(entry) for entry in reader.entries(1, reader.head().size)]
    found = [{str(key): value for key, value in entry.items()} for entry in opened if isinstance(entry, dict)]
    return [each for each in found if isinstance(body := each["body"], dict) and body.get("kind") == "grant"]


def test_a_grant_is_signed_by_three_people_kept_and_recorded(home: Home) -> None:
    before, _ = standing(home)

    grant = load_grant(home, a_file(home))

    epoch, found = standing(home)
    document = found.get(Kind.GRANT, "G-1")
    assert document is not None
    assert canonical_document(grant) == canonical_document(a_grant(fields=["name", "unit"]))
    assert canonical_document(replace(read_grant(document), leak=None)) == canonical_document(grant)
    assert epoch == before + 1
    (last,) = kept(home)
    signers = [each.person for each in last.opened().signatures]
    assert signers == [head_of("hr"), IDS[Duty.REVIEWER], IDS[Duty.LEADER]]
    *_, entry = entries = recorded(home)
    assert [each["type"] for each in entries] == ["deed.drawn", *["deed.signed"] * 3, "deed.in_force"]
    assert {each["partner"] for each in entries} == {"hr"}
    assert isinstance(body := entry["body"], dict)
    assert (body["sha256"], body["by"], body["rights"]) == (last.opened().digest, signers, found.digest())


def test_a_grant_loaded_again_takes_the_place_of_the_old_one(home: Home) -> None:
    load_grant(home, a_file(home))
    load_grant(home, a_file(home, GRANT.replace("subjects_per_day = 1000", "subjects_per_day = 7")))

    first, second = kept(home)
    _, found = standing(home)
    assert (second.serial, second.opened().document.previous) == (2, first.opened().digest)
    assert read_grant(found.get(Kind.GRANT, "G-1")).limits.subjects_per_day == 7  # type: ignore[arg-type]  # it is there
    in_force = [each["body"] for each in recorded(home) if each["type"] == "deed.in_force"]
    leak, *others = [body["changed"] for body in in_force if isinstance(body, dict)][1]
    assert others == [{"at": "/limits/subjects_per_day", "old": 1000, "new": 7}]
    assert leak["at"] == "/leak"
    assert leak["old"] != leak["new"]


def test_in_production_nothing_is_loaded(home: Home) -> None:
    before = standing(home)[0]

    with pytest.raises(RehearsalError):
        load_grant(replace(home, mode=Mode.PRODUCTION), a_file(home))

    assert (standing(home)[0], kept(home), recorded(home)) == (before, [], [])


WRONG: dict[str, tuple[bytes, str]] = {
    "no TOML": (b"number = ", "G-1.toml"),
    "another encoding": (GRANT.encode("gb18030"), "UTF-8"),
    "an unknown key": (f"unlimited = true\n{GRANT}".encode(), "unlimited"),
    "a missing key": (GRANT.replace('partner = "hr"\n', "").encode(), "partner"),
    "a field of no standard": (GRANT.replace('unit = "', 'salary = "').encode(), "salary"),
}


@pytest.mark.parametrize(("content", "told"), WRONG.values(), ids=WRONG)
def test_a_wrong_file_changes_nothing_and_says_why(home: Home, content: bytes, told: str) -> None:
    before, path = standing(home)[0], a_file(home)
    path.write_bytes(content)

    with pytest.raises(GrantError, match=told):
        load_grant(home, path)

    assert (standing(home)[0], kept(home), recorded(home)) == (before, [], [])


def test_a_file_that_is_not_there_says_so(home: Home) -> None:
    with pytest.raises(GrantError, match=r"G-9\.toml"):
        load_grant(home, home.folder("grants") / "G-9.toml")


def test_a_ledger_that_cannot_be_written_loads_nothing(home: Home) -> None:
    """The entry and the grant are one transaction: there is no grant in force that the log does not know."""
    for secret in (home.keys / "serve" / "disclosure").glob("*"):
        secret.chmod(0o644)
    (home.keys / "serve" / "disclosure").chmod(0o755)

    with pytest.raises(KeyFileError, match="chmod"):
        load_grant(home, a_file(home))

    (home.keys / "serve" / "disclosure").chmod(0o700)
    assert kept(home) == []


def test_each_of_the_synthetic_people_is_somebody_else(home: Home) -> None:
    _, found = standing(home)

    people = list(found.roll.people())
    assert {each.id for each in people} == {*IDS.values(), head_of("hr")}
    assert len({each.natural for each in people}) == len({each.keys[0].public for each in people}) == len(people)
    for account in IDS.values():
        assert load_catalogue().identifier("person", number_of(account)) == number_of(account)
