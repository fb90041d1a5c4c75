"""Files of witnessing: swapped whole, by one process at a time; and the folder that says whom to trust."""

from __future__ import annotations

import multiprocessing
import os
from hashlib import sha256
from pathlib import Path

import pytest

from adapters.keys.files import KeyFileError, Passphrase
from adapters.witness_files import CosignedFiles, Slots, WitnessedFiles
from adapters.witness_home import WitnessHome, check_policy, is_address
from audit.checkpoint import peek
from audit.errors import NoteError, WitnessError
from audit.note import parse_vkey
from audit.trust import Trust, TrustedKey
from audit.witness import Witness
from tests.audit.make import AT, LOG_SIGNERS, ORIGIN, RECEIPT_SIGNER, a_log, a_trust
from tests.audit.witnesses import a_cosigner, a_request

# ------------------------------------------------------------------------------------------- files


def test_what_was_never_kept_is_not_there(tmp_path: Path) -> None:
    assert CosignedFiles(tmp_path).latest(ORIGIN) is None
    assert WitnessedFiles(tmp_path).by("key") is None
    assert not (tmp_path / "cosigned").exists()


def test_only_what_is_there_is_replaced(tmp_path: Path) -> None:
    store = CosignedFiles(tmp_path)

    assert store.swap(ORIGIN, None, b"one")
    assert not store.swap(ORIGIN, None, b"two")
    assert not store.swap(ORIGIN, b"zero", b"two")
    assert store.swap(ORIGIN, b"one", b"two")
    assert CosignedFiles(tmp_path).latest(ORIGIN) == b"two"
    assert store.latest("other.example/log") is None


def test_an_origin_is_no_path(tmp_path: Path) -> None:
    store = CosignedFiles(tmp_path)
    for origin in ("../../etc/passwd", "/etc/passwd", "a/b", "..", "x" * 5000):
        assert store.swap(origin, None, b"one")

    assert {path.parent for path in tmp_path.rglob("*") if path.is_file()} == {tmp_path / "cosigned"}


def test_what_a_crash_left_behind_is_overwritten(tmp_path: Path) -> None:
    slots = Slots(tmp_path)
    slots.replace("a", lambda _: b"one")
    (tmp_path / ".new").write_bytes(b"half a")

    assert slots.read("a") == b"one"
    assert slots.replace("a", lambda _: b"two")
    assert slots.read("a") == b"two"
    assert not slots.replace("a", lambda _: None)
    slots.remove("a")
    slots.remove("a")
    assert slots.read("a") is None


def _push(folder: Path, turns: int) -> None:
    log = a_log(60)
    witness = Witness([a_cosigner("w")], lambda _: a_trust(), CosignedFiles(folder), lambda: AT)
    done = 0
    while done < turns:
        kept = CosignedFiles(folder).latest(ORIGIN)
        old = peek(kept).size if kept else 0
        done += witness.add_checkpoint(a_request(log, old, old + 1).encode()).status == 200


def test_processes_never_roll_a_log_back(tmp_path: Path) -> None:
    """Every cosignature is of one entry more: had one been lost or gone back, the sum would not be right."""
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_push, args=(tmp_path, 8)) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)

    assert [worker.exitcode for worker in workers] == [0, 0, 0]
    assert peek(CosignedFiles(tmp_path).latest(ORIGIN) or b"").size == 24


# ------------------------------------------------------------------------------------------- the folder


def a_folder(path: Path) -> WitnessHome:
    return WitnessHome(path, path / "keys")


def test_keys_are_made_once_and_read_with_their_passphrase(tmp_path: Path) -> None:
    home, passphrase = a_folder(tmp_path), Passphrase(b"secret")

    vkeys = home.make_keys("witness.example", os.urandom, passphrase)

    assert [each.vkey for each in home.signers(passphrase)] == vkeys == home.vkeys()
    assert [parse_vkey(each).algorithm for each in vkeys] == [4, 6]
    assert {path.stat().st_mode & 0o077 for path in (tmp_path / "keys" / "serve").iterdir()} == {0}
    with pytest.raises(KeyFileError):
        home.make_keys("witness.example", os.urandom, passphrase)
    with pytest.raises(KeyFileError):
        home.signers(None)


def test_keys_that_are_not_what_was_told_are_refused(tmp_path: Path) -> None:
    home = a_folder(tmp_path)
    home.make_keys("witness.example", os.urandom, None)
    told = tmp_path / "witness" / "vkeys"
    told.write_text("".join(f"{each}\n" for each in reversed(home.vkeys())))

    with pytest.raises(KeyFileError, match="right files back"):
        home.signers(None)


def test_who_is_no_witness_has_no_keys_and_no_policy(tmp_path: Path) -> None:
    home = a_folder(tmp_path)

    assert (home.signers(None), home.vkeys(), home.policy(), dict(home.logs()), home.authority) == (
        (),
        [],
        None,
        {},
        None,
    )
    with pytest.raises(NoteError):
        home.make_keys("a name with spaces", os.urandom, None)


def test_logs_are_trusted_from_the_moment_they_are_there(tmp_path: Path) -> None:
    home = a_folder(tmp_path)
    assert home.trusted(ORIGIN) is None

    home.trust(a_trust().encode())
    assert home.trusted(ORIGIN) == a_trust()
    assert home.trusted("other.example/log") is None

    newer = Trust(ORIGIN, (TrustedKey(LOG_SIGNERS[0].vkey, "checkpoint"),))
    home.trust(newer.encode())
    assert home.trusted(ORIGIN) == newer
    assert len(list((tmp_path / "witness" / "logs").iterdir())) == 1


def test_two_files_about_one_log_are_one_too_many(tmp_path: Path) -> None:
    home = a_folder(tmp_path)
    home.trust(a_trust().encode())
    (tmp_path / "witness" / "logs" / "again.json").write_bytes(a_trust().encode())

    with pytest.raises(NoteError, match="about one log"):
        home.trusted(ORIGIN)


def test_a_trust_file_without_keys_for_checkpoints_is_of_no_use(tmp_path: Path) -> None:
    with pytest.raises(NoteError, match="no key for checkpoints"):
        a_folder(tmp_path).trust(Trust(ORIGIN, (TrustedKey(RECEIPT_SIGNER.vkey, "receipt"),)).encode())
    with pytest.raises(NoteError):
        a_folder(tmp_path).trust(b"rubbish")


ADDRESSES = {
    "https://witness.example/v1/witness": True,
    "https://witness.example:8443": True,
    "http://127.0.0.1:8420/v1/witness": True,
    "http://[::1]:8420/": True,
    "http://witness.example/": False,
    "ftp://witness.example/": False,
    "https://": False,
    "https://user@witness.example/": False,
    "https://witness.example/?q": False,
    "https://witness.example/#f": False,
    "https://witness.example:99999/": False,
    "https://[::1": False,
    "https://witness.example/\x7f": False,
    "witness.example": False,
    "file:///etc/passwd": False,
}


@pytest.mark.parametrize(("url", "good"), ADDRESSES.items(), ids=ADDRESSES.keys())
def test_a_witness_is_reached_by_tls_or_on_this_machine(url: str, good: bool) -> None:
    assert is_address(url) is good


def test_a_policy_with_another_address_is_refused() -> None:
    vkey = a_cosigner("w").vkey

    check_policy(f"witness w {vkey} https://w.example/\nquorum w\n".encode())
    with pytest.raises(WitnessError, match="not https"):
        check_policy(f"witness w {vkey} http://w.example/\nquorum w\n".encode())


def test_names_of_files_say_nothing(tmp_path: Path) -> None:
    WitnessedFiles(tmp_path).keep("key", lambda _: b"x")

    assert (tmp_path / "witnessed" / "by" / sha256(b"key").hexdigest()).exists()
