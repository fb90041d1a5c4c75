"""`bidui decoys`: two custodians make their keys, open the list together, and everybody can see that they did."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner

from adapters.keys.making import make_all
from ops.cli.main import app
from ops.sync import publishing
from tests.fakes import DrivenClock
from tests.ops.make_decoys import people
from tests.ops.make_sync import Office

RUN = CliRunner()
PERSONS = 200
SYNC = """
decoy_share = 0.05
workers = 1
[[sources]]
mapping = "person.toml"
file = "人员.csv"
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with keys, a source and no custodians."""
    path = tmp_path / "home"
    path.mkdir()
    make_all(path, DrivenClock())
    (path / "data").mkdir()
    (path / "sync.toml").write_text(SYNC, encoding="utf-8")
    Office(path).write(people(PERSONS))
    monkeypatch.setenv("BIDUI_HOME", str(path))
    monkeypatch.setenv("BIDUI_MODE", "test")
    monkeypatch.delenv("BIDUI_CLOCK", raising=False)
    return path


def bidui(*words: str | Path, code: int = 0) -> str:
    """What a command says, when it ends as it should."""
    result = RUN.invoke(app, [str(word) for word in words])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert result.exit_code == code, result.output
    return result.output


@pytest.fixture
def keys(home: Path) -> tuple[Path, Path]:
    """Two custodians with passphrases, each key on a medium of its own, and an index with decoys."""
    for name in ("wang", "li"):
        medium = home.parent / name
        medium.mkdir()
        (medium / "pass").touch(mode=0o600)
        (medium / "pass").write_text(f"{name} 的口令\n", encoding="utf-8")
        bidui("decoys", "key", name, "--out", medium / "key.pem", "--passphrase-file", medium / "pass")
    bidui("sync", "--full")
    return home.parent / "wang", home.parent / "li"


def opening(*media: Path, reason: str = "核查事件") -> list[str | Path]:
    words: list[str | Path] = ["decoys", "open", "--reason", reason]
    for medium in media:
        words += ["--key", medium / "key.pem", "--passphrase-file", medium / "pass"]
    return words


def test_the_two_open_the_list_together_and_it_is_on_record(home: Path, keys: tuple[Path, Path]) -> None:
    shown = bidui(*opening(*keys)).split()

    assert len(shown) == 10
    assert all(len(number) == 18 for number in shown)
    (record,) = (home / "data" / "reports").glob("*-decoys-opened.json")
    content = record.read_bytes()
    assert msgspec.json.decode(content)["reason"] == "核查事件"
    assert not [number for number in shown if number.encode() in content]
    assert stat.S_IMODE(record.stat().st_mode) == 0o600
    told = bidui("decoys", "status")
    assert "wang、li 打开了" in told
    assert "核查事件" in told


def test_the_list_may_go_into_a_file_that_is_its_owners_alone(home: Path, keys: tuple[Path, Path]) -> None:
    told = bidui(*opening(*keys[::-1]), "--out", home / "list.txt")

    assert len((home / "list.txt").read_text().split()) == 10
    assert stat.S_IMODE((home / "list.txt").stat().st_mode) == 0o600
    assert not [word for word in told.split() if len(word) == 18 and word[:17].isdigit()]


def test_one_custodian_opens_nothing(home: Path, keys: tuple[Path, Path]) -> None:
    wang, _ = keys

    bidui(*opening(wang), code=2)
    assert "打不开" in bidui(*opening(wang, wang), code=3)
    assert not list((home / "data" / "reports").glob("*-decoys-opened.json")), "nothing was shown"


def test_without_a_reason_or_a_passphrase_nothing_opens(keys: tuple[Path, Path]) -> None:
    wang, li = keys

    bidui(*opening(wang, li, reason=" "), code=2)
    bidui("decoys", "open", "--reason", "x", "--key", wang / "key.pem", "--key", li / "key.pem", code=1)
    bidui(*opening(wang, li)[:-2], code=2)


@pytest.mark.parametrize("name", ["../../keys/sync/sealing", "20200101-abcd"])
def test_another_list_than_those_that_are_there_is_not_opened(name: str, keys: tuple[Path, Path]) -> None:
    assert "no such list" in bidui(*opening(*keys), "--list", name, code=1)


def test_the_list_in_force_is_opened_and_not_that_of_a_sync_that_failed(
    home: Path, keys: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = bidui(*opening(*keys))
    (home / "sync.toml").write_text(SYNC.replace("0.05", "0.04"), encoding="utf-8")

    def fails(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(publishing, "publish", fails)
        bidui("sync", "--full", code=1)

    assert len(list((home / "data" / "sync" / "decoys").iterdir())) == 2
    assert bidui(*opening(*keys)) == before
    bidui("sync", "--full")
    assert bidui(*opening(*keys)) != before


def test_where_there_are_no_decoys_there_is_no_list_to_open(home: Path, keys: tuple[Path, Path]) -> None:
    (home / "sync.toml").write_text(SYNC.replace("0.05", "0"), encoding="utf-8")
    bidui("sync", "--full")

    assert "--list" in bidui(*opening(*keys), code=1)


def test_status_says_how_they_stand_and_never_how_many_there_are(keys: tuple[Path, Path]) -> None:
    found = json.loads(bidui("decoys", "status", "--json"))

    assert found["in_index"] is True
    assert found["missing"] == ""
    assert sorted(found["custodians"].values()) == ["li", "wang"]
    assert [found["list_in_force"]] == found["lists"]
    assert found["openings"] == []


def test_before_there_are_custodians_status_and_sync_say_what_to_do(home: Path) -> None:
    assert "bidui decoys key" in bidui("decoys", "status")
    assert "bidui decoys key" in bidui("sync", "--full")
    assert "不含诱饵" in bidui("decoys", "status")


def test_there_are_two_custodians_and_no_third(home: Path, keys: tuple[Path, Path]) -> None:
    bidui("decoys", "key", "zhao", "--out", home.parent / "zhao.pem", code=1)
    bidui("decoys", "key", "wang", "--out", home.parent / "wang2.pem", code=1)
    bidui("decoys", "key", "../x", "--out", home.parent / "x.pem", code=1)

    assert not list(home.parent.glob("*.pem")), "no private half is left of what was refused"


def test_in_production_a_custodians_key_has_a_passphrase_and_lies_elsewhere(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BIDUI_MODE", "production")
    (home.parent / "pass").touch(mode=0o600)
    (home.parent / "pass").write_text("p\n")

    bidui("decoys", "key", "wang", "--out", home.parent / "wang.pem", code=2)
    bidui("decoys", "key", "wang", "--out", home / "w.pem", "--passphrase-file", home.parent / "pass", code=2)
    bidui("decoys", "key", "wang", "--out", home.parent / "w.pem", "--passphrase-file", home.parent / "pass")


def test_an_installation_older_than_decoys_makes_the_key_of_serve_once(home: Path) -> None:
    (home / "keys" / "serve" / "decoys.pem").unlink()
    (home / "keys" / "decoys.pub").unlink()

    bidui("decoys", "serve-key")
    assert (home / "keys" / "decoys.pub").exists()
    bidui("decoys", "serve-key", code=1)
