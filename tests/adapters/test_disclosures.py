"""Keys of disclosures in files: one a month, made once, whoever makes it, and gone for good when deleted."""

from __future__ import annotations

import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from adapters.keys.disclosures import DisclosureKeyFiles
from adapters.keys.files import KeyFileError, Passphrase
from audit.data_keys import MonthKeys
from audit.disclosure import DisclosureKeys, Sealer, secret, unpack, unseal
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
