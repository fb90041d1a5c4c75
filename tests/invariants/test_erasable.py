"""Promise 11, erasable: of a person who was erased no file of the deployment holds number, salt or key any more, and
the whole log verifies, saying who was erased by which entry.
"""

from __future__ import annotations

import shutil
from base64 import b64decode, b64encode, urlsafe_b64encode
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from adapters.keys.disclosures import DisclosureKeyFiles
from audit.disclosure import unpack, unseal
from audit.entry import decode
from audit.puncture import DEPTH, Node, Tree, month_number
from audit.report import Exit
from ops.demo.postgres import Postgres
from ops.prove.homes import Stage
from tests.custody import Custody
from tests.invariants.logged import log_size, logged
from tests.invariants.searching import files_of
from tests.invariants.world import NOW, a_world
from tests.lives import Life

ONE, OTHER = "152921199001010018", "152921198503040027"
ENGINES = ("sqlite", "postgresql")
PAST = 4 * 366


@dataclass
class Deployment:
    """One office on one engine, and every file it keeps anything in."""

    custody: Custody
    folders: list[Path]

    def files(self) -> Iterator[tuple[str, bytes]]:
        """Every file: as it is, and what key files hold under their base64."""
        for folder in self.folders:
            for path in sorted(folder.rglob("*")):
                if path.is_file():
                    content = path.read_bytes()
                    yield str(path), content
                    if content.startswith(b"bidui-secret/1 plain\n"):
                        yield f"{path}, decoded", b64decode(content.split(b"\n")[1])

    def holding(self, *needles: bytes) -> dict[str, list[bytes]]:
        """The files that hold one of these, in any spelling."""
        spelt = [spelling for needle in needles for spelling in spellings(needle)]
        found = {name: [each for each in spelt if each in content] for name, content in self.files()}
        return {name: each for name, each in found.items() if each}


def spellings(needle: bytes) -> Iterator[bytes]:
    """Bytes as they are, as hex, as base64 at each of three places, and a text in UTF-16."""
    yield needle
    yield needle.hex().encode()
    for at in range(3):
        yield b64encode(bytes(at) + needle)[4 if at else 0 : -4]
        yield urlsafe_b64encode(bytes(at) + needle)[4 if at else 0 : -4]
    if needle.isascii():
        yield needle.decode().encode("utf-16-le")


@pytest.fixture(params=ENGINES)
def deployment(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Deployment]:
    folders, url = [tmp_path], ""
    if request.param == "postgresql":
        server: Postgres = request.getfixturevalue("postgres")
        folders.append(server.socket_directory / "data")
        url = request.getfixturevalue("postgres_url")
    with closing(Life(tmp_path, database=url)) as life, closing(Custody(life)) as custody:
        yield Deployment(custody, folders)


def tree_of(custody: Custody) -> Tree:
    raw = (custody.home.keys / "serve" / "disclosure" / "persons.tree").read_bytes().split(b"\n")[1]
    return Tree.decode(b64decode(raw)[:-32])


def path_to(tree: Tree, point: bytes, month: int) -> list[bytes]:
    """Every key that leads to a leaf, from the root on."""
    leaf = int.from_bytes(point[:8], "big") * 4096 + month
    (node,) = tree.nodes()
    seeds = [node.seed]
    for depth in range(1, DEPTH + 1):
        place = leaf >> 4 * (DEPTH - depth)
        node = next(child for child in Node(depth - 1, place >> 4, seeds[-1]).children() if child.place == place)
        seeds.append(node.seed)
    return seeds


def salts(custody: Custody, index: int) -> list[bytes]:
    """What an officer with the keys reads of an entry."""
    entry = decode(next(custody.desks.reader.entries(index, index + 1)))
    assert isinstance(entry, dict)
    ((_, packed),) = custody.desks.reader.disclosures(index, index + 1)
    opened = [unseal(str(entry["id"]), each, custody.keys) for each in unpack(packed) if each.name == "subject"]
    return [decode(each.content)[0].encode() for each in opened if each]  # type: ignore[index,union-attr]  # [salt, ...]


def test_of_an_erased_person_no_file_holds_number_salt_or_key(deployment: Deployment) -> None:
    custody = deployment.custody
    mine = [each.index for each in custody.compare(ONE, OTHER, ONE)]
    del mine[1]
    custody.sign()
    month = custody.clock.now().strftime("%Y-%m")
    point = bytes.fromhex(custody.point(ONE))
    before = path_to(tree_of(custody), point, month_number(month))
    salt = [each for index in mine for each in salts(custody, index)]
    rows = dict(custody.desks.reader.disclosures(0, 1000))
    frames = [next(unpack(rows[index])).blob[28:] for index in mine]
    assert len(salt) == 2
    assert deployment.holding(before[0]), "the search finds what is there: the root, from which all of it follows"
    assert deployment.holding(frames[0])
    custody.pass_by(days=PAST)
    custody.erasure(ONE)

    erased = custody.desks.erasing.erase("E-1")

    report = custody.verify()
    assert (report.verdict, report.problems) == (Exit.PROVEN, ())
    assert [each.by for each in report.erased] == list(erased.tombstones)
    assert all(report.erased[0].covers(index, "subject") for index in mine)
    assert deployment.holding(ONE.encode(), *salt, *before) == {}
    if erased.store == "sqlite":
        assert deployment.holding(*frames) == {}, "not even what nobody can open is left"
    assert salts(custody, mine[0] + 1), "whoever stood beside them is still there"


def test_a_backup_of_the_database_opens_nothing_once_the_key_is_destroyed(deployment: Deployment) -> None:
    custody = deployment.custody
    (one, other) = (each.index for each in custody.compare(ONE, OTHER))
    backup = dict(custody.desks.reader.disclosures(0, 1000))
    entries = [decode(each) for each in custody.desks.reader.entries(0, 1000)]
    custody.pass_by(days=PAST)
    custody.erasure(ONE)
    custody.desks.erasing.erase("E-1")

    def opened(index: int) -> list[bool]:
        entry = entries[index]
        assert isinstance(entry, dict)
        return [unseal(str(entry["id"]), each, custody.keys) is not None for each in unpack(backup[index])]

    assert opened(one) == [False, True, True, True]
    assert opened(other) == [True] * 4


def test_disclosures_that_are_missing_without_a_word_are_missing_evidence(deployment: Deployment) -> None:
    custody = deployment.custody
    (one, other) = (each.index for each in custody.compare(ONE, OTHER))
    custody.pass_by(days=PAST)
    custody.erasure(ONE)
    custody.desks.erasing.erase("E-1")
    with custody.desks.store.begin() as work:
        work.erasures.rewrite({other: b"\x03\x072026-06"})
        work.commit()

    report = custody.verify()

    assert report.verdict is Exit.INCOMPLETE
    assert {each.index for each in report.problems} == {other}
    assert one != other


def test_what_was_erased_and_is_put_back_is_noticed(deployment: Deployment) -> None:
    custody = deployment.custody
    (one,) = (each.index for each in custody.compare(ONE))
    ((_, backup),) = custody.desks.reader.disclosures(one, one + 1)
    custody.pass_by(days=PAST)
    custody.erasure(ONE)
    custody.desks.erasing.erase("E-1")
    with custody.desks.store.begin() as work:
        work.erasures.rewrite({one: backup})
        work.commit()

    report = custody.verify()

    assert (report.verdict, report.first_bad) == (Exit.TAMPERED, one)


def test_an_old_key_file_that_is_put_back_is_cut_again(deployment: Deployment, tmp_path: Path) -> None:
    custody = deployment.custody
    custody.compare(ONE)
    folder = custody.home.keys / "serve" / "disclosure"
    shutil.copy2(folder / "persons.tree", tmp_path / "backup")
    custody.pass_by(days=PAST)
    custody.erasure(ONE)
    first = custody.desks.erasing.erase("E-1")
    shutil.copy2(tmp_path / "backup", folder / "persons.tree")
    (tmp_path / "backup").unlink()
    point, before = bytes.fromhex(custody.point(ONE)), month_number(first.before)
    assert not custody.keys.is_destroyed(point, before)

    (again,) = custody.desks.erasing.finish()

    assert custody.keys.is_destroyed(point, before)
    assert (again.erased, len(again.tombstones)) == (0, 1)
    assert custody.verify().verdict is Exit.PROVEN
    assert custody.desks.erasing.finish() == []


@pytest.mark.parametrize("engine", ["sqlite"])
def test_other_processes_forget_at_once(engine: str, tmp_path: Path) -> None:
    with closing(Life(tmp_path)) as life, closing(Custody(life)) as custody:
        other = DisclosureKeyFiles(custody.home.keys / "serve" / "disclosure", None, bytes)
        month = custody.clock.now().strftime("%Y-%m")
        held = other.current(month)
        assert other.current(month) is held

        custody.desks.erasing.keys.destroy({bytes.fromhex(custody.point(ONE)): month_number(month) + 1})

        assert other.current(month) is not held
        assert other.current(month).cipher(bytes.fromhex(custody.point(ONE))) is None
        assert held.cipher(bytes.fromhex(custody.point(ONE))) is not None, "what was read before dies with its reader"


OWN = ("source/", "keys/seal/", "keys/sync/", "keys/clients/", "receipts/", "data/sync/")
"""The register and its lists, what partners keep, and the sealing keys: what a thief of this story does not have."""

TELLING = 6
"""Octets of a spelling that is looked for: a name of two characters is four octets in UTF-16 and in GB 18030 and four
characters of base64, and those are found by chance in some of the megabytes of ciphertext every few runs.
"""


def test_a_year_of_comparisons_leaves_no_value_to_whoever_has_all_but_the_sealing_keys(
    stage: Stage, tmp_path: Path
) -> None:
    with a_world(stage, tmp_path / "world", "sqlite") as world:
        people = [world.plain_person(place) for place in range(12)]
        seeded = {f"某县密字{place}号办公室" for place in range(12)} | {each.name for each in people}
        before = b"\n".join(content for _, content in files_of(world.home.path, but=OWN))
        seeded = {each for each in seeded if each.encode() not in before}
        start = log_size(world.home)
        for month, person in enumerate(people):
            world.move_to(NOW + timedelta(days=30 * month))
            claims = [("unit", world.unit_name(person)), ("person_status", "在职")]
            world.ask(
                world.question(person, *claims),
                world.question(person, ("unit", f"某县密字{month}号办公室")),
                world.question(person, *claims, name="不在册的某甲"),
            )
            world.sign()
        told = logged(world.home, start)

        assert sum(each.kind.startswith("comparison.") for each in told) == 36
        assert {each.secrets["subject"] for each in told if "subject" in each.secrets} == {p.id_number for p in people}
        opened = str([(each.entry, each.secrets) for each in told]).encode()
        stolen = b"\n".join([opened, *(content for _, content in files_of(world.home.path, but=OWN))])
        assert len(seeded) > 12
        found = {each for each in seeded for spelt in spellings_of(each) if len(spelt) >= TELLING and spelt in stolen}
        assert found == set()


def spellings_of(text: str) -> Iterator[bytes]:
    """A text as files may hold it."""
    yield from (text.encode(), text.encode("utf-16-le"), text.encode("gb18030"), text.encode("unicode_escape"))
    yield text.encode().hex().encode()
    yield from (b64encode(bytes(at) + text.encode())[4 if at else 0 : -4] for at in range(3))
