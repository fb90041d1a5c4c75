"""Keys of disclosures in files: one a month, made once, whoever makes it, and gone for good when deleted."""

from __future__ import annotations

import os
import stat
from base64 import b64decode, b64encode
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from adapters.keys.disclosures import DisclosureKeyFiles
from adapters.keys.files import KeyFileError, Passphrase
from audit.data_keys import MonthKeys
from audit.disclosure import DisclosureKeys, Sealer, secret, unpack, unseal
from audit.errors import DisclosureError
from audit.puncture import month_number
from tests.fakes_audit import CountingEntropy, MemoryKeys, a_point

MONTH = "2026-06"


Erase = Callable[[str], None]


def veil(keys: MonthKeys) -> bytes:
    """What tells two months' keys apart."""
    return keys.veil([a_point("person", "1")], [bytes(16)])[0]


@pytest.fixture(params=["fake", "files", "files with a passphrase"])
def keys(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[DisclosureKeys, Erase]:
    if request.param == "fake":
        memory = MemoryKeys()
        return memory, memory.kept.__delitem__
    passphrase = Passphrase(b"open sesame") if "passphrase" in request.param else None
    folder = tmp_path / "disclosure"
    return DisclosureKeyFiles(folder, passphrase, CountingEntropy()), lambda kid: next(folder.glob(f"{kid}*")).unlink()


def test_a_month_has_one_key(keys: tuple[DisclosureKeys, Erase]) -> None:
    kept, _ = keys
    first, again, other = kept.current(MONTH), kept.current(MONTH), kept.current("2026-07")

    assert first is again
    assert veil(first) != veil(other)
    assert len(first.kid) == len(other.kid)
    assert kept.open(first.kid) is first


def test_a_key_that_was_erased_never_comes_back_under_its_name(keys: tuple[DisclosureKeys, Erase]) -> None:
    kept, erase = keys
    key = kept.current(MONTH)
    _, packed = Sealer(key).seal("id-1", (secret("subject", "152921199001010018"),), CountingEntropy()(200))
    (sealed,) = unpack(packed)
    assert unseal("id-1", sealed, kept) is not None

    erase(MONTH)

    assert kept.open(key.kid) is None
    assert unseal("id-1", sealed, kept) is None


@pytest.mark.parametrize("kid", ["1999-01", "", "../serve/idempotency", "2026-06/../../x", "2026-06\0", "x" * 300])
def test_a_name_that_nobody_made_opens_nothing(keys: tuple[DisclosureKeys, Erase], kid: str) -> None:
    kept, _ = keys
    kept.current(MONTH)

    assert kept.open(kid) is None


def test_nodes_and_threads_that_meet_a_new_month_together_end_with_one_key(tmp_path: Path) -> None:
    nodes = [DisclosureKeyFiles(tmp_path / "keys", None, CountingEntropy(f"node-{n}")) for n in range(8)]

    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(lambda node: veil(node.current(MONTH)), nodes))

    assert len(found) == 1


def test_keys_are_for_their_owner_alone(tmp_path: Path) -> None:
    DisclosureKeyFiles(tmp_path / "keys", None, CountingEntropy()).current(MONTH)

    files = sorted((tmp_path / "keys").iterdir())
    assert [file.name for file in files] == [f"{MONTH}.secret", "persons.lock", "persons.tree"]
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o700


def test_a_key_under_a_passphrase_opens_with_it_alone(tmp_path: Path) -> None:
    DisclosureKeyFiles(tmp_path / "keys", Passphrase(b"right"), CountingEntropy()).current(MONTH)

    for wrong in (Passphrase(b"wrong"), None):
        with pytest.raises(KeyFileError):
            DisclosureKeyFiles(tmp_path / "keys", wrong, CountingEntropy()).current(MONTH)


def test_a_folder_that_others_can_enter_is_refused(tmp_path: Path) -> None:
    (tmp_path / "keys").mkdir(mode=0o755)

    with pytest.raises(KeyFileError, match="chmod"):
        DisclosureKeyFiles(tmp_path / "keys", None, CountingEntropy())


TREE = "persons.tree"
POINT, LAST = a_point("person", "152921199001010018"), month_number(MONTH) + 1


def files_in(folder: Path, seed: str = "seed") -> DisclosureKeyFiles:
    return DisclosureKeyFiles(folder, None, CountingEntropy(seed), a_point)


def test_what_is_destroyed_is_destroyed_for_every_process(tmp_path: Path) -> None:
    one, other = files_in(tmp_path / "keys"), files_in(tmp_path / "keys", "other")
    one.current(MONTH)
    assert other.current(MONTH).cipher(POINT) is not None

    assert one.destroy({POINT: LAST})

    assert other.current(MONTH).cipher(POINT) is None
    assert other.is_destroyed(POINT, LAST)
    assert not other.destroy({POINT: LAST})
    with pytest.raises(DisclosureError, match="were destroyed"):
        other.current(MONTH).person(("person", "152921199001010018"))


@pytest.mark.parametrize("passphrase", [None, Passphrase(b"open sesame")], ids=["plain", "encrypted"])
def test_processes_that_destroy_at_once_undo_nothing_of_each_other(
    tmp_path: Path, passphrase: Passphrase | None
) -> None:
    points = [bytes([n]) * 16 for n in range(6)]
    nodes = [DisclosureKeyFiles(tmp_path / "k", passphrase, CountingEntropy(str(n)), a_point) for n in range(6)]
    nodes[0].current(MONTH)

    with ThreadPoolExecutor(6) as pool:
        done = list(pool.map(lambda n: nodes[n].destroy({points[n]: LAST}), range(6)))

    assert all(done)
    last = DisclosureKeyFiles(tmp_path / "k", passphrase, CountingEntropy(), a_point)
    assert all(last.is_destroyed(point, LAST) for point in points)
    assert last.current(MONTH).cipher(POINT) is not None


SPOILT: dict[str, Callable[[bytes], bytes]] = {
    "cut": lambda content: content[:-20],
    "cut by a node": lambda content: b"\n".join([content[:20], b64encode(b64decode(content[21:])[:-43]), b""]),
    "empty": lambda _: b"",
    "a bit flipped": lambda content: content[:60] + bytes([content[60] ^ 1]) + content[61:],
}


@pytest.mark.parametrize("spoil", SPOILT.values(), ids=SPOILT)
def test_a_tree_that_was_cut_off_seals_nothing(tmp_path: Path, spoil: Callable[[bytes], bytes]) -> None:
    keys = files_in(tmp_path / "keys")
    keys.current(MONTH)
    keys.destroy({POINT: LAST})
    path = tmp_path / "keys" / TREE
    path.write_bytes(spoil(path.read_bytes()))

    for each in (keys, files_in(tmp_path / "keys", "new")):
        with pytest.raises(KeyFileError):
            each.current(MONTH)
        with pytest.raises(KeyFileError):
            each.destroy({POINT: LAST + 1})


def test_a_tree_that_is_gone_is_never_grown_anew(tmp_path: Path) -> None:
    keys = files_in(tmp_path / "keys")
    keys.current(MONTH)
    (tmp_path / "keys" / TREE).unlink()

    with pytest.raises(KeyFileError, match="put it back from the backup"):
        keys.current(MONTH)


@pytest.mark.parametrize("act", ["link", "rename", "unlink"])
def test_whatever_a_crash_leaves_is_wiped_by_the_next(
    tmp_path: Path, act: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed at any step of the replacement: either tree is whole, and no copy of the old one outlives `tidy`."""
    keys = files_in(tmp_path / "keys")
    keys.current(MONTH)
    held = os.open(tmp_path / "keys" / TREE, os.O_RDONLY)
    before = os.pread(held, 10_000, 0)

    def die(*_: object, **__: object) -> None:
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(os if act == "link" else Path, act, die)
        with pytest.raises(SystemExit):
            keys.destroy({POINT: LAST})
    again = files_in(tmp_path / "keys", "again")
    again.tidy()
    is_done = again.is_destroyed(POINT, LAST)
    again.destroy({POINT: LAST})

    assert again.is_destroyed(POINT, LAST)
    assert sorted(each.name for each in (tmp_path / "keys").iterdir()) == [f"{MONTH}.secret", "persons.lock", TREE]
    assert os.pread(held, 10_000, 0) != before, "its bytes are overwritten, too"
    assert is_done in {True, False}
    os.close(held)
