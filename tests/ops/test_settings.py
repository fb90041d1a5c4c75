"""Settings: what a process must not know, its settings have no word for; and production takes nothing lightly."""

from __future__ import annotations

from datetime import UTC
from pathlib import Path

import msgspec
import pytest

from adapters.clock import FileClock, SystemClock
from ops.settings import Home, Mode, SealSettings, ServeSettings, SettingsError, load, open_home
from ops.sync import SyncSettings
from tests.fakes import DrivenClock
from tests.make import NOW

SERVE = 'origin = "o"\nissuer = "https://i"\n'
LEAST: dict[str, str] = {"serve.toml": SERVE, "seal.toml": ""}


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("BIDUI_HOME", "BIDUI_MODE", "BIDUI_CLOCK"):
        monkeypatch.delenv(name, raising=False)


def a_home(path: Path, text: str, name: str = "serve.toml") -> Home:
    (path / name).write_text(text, encoding="utf-8")
    return Home(path=path, mode=Mode.TEST, clock=DrivenClock())


# ---------------------------------------------------------------------------------------- the environment


def test_production_is_the_mode_that_nobody_asked_for(tmp_path: Path) -> None:
    home = open_home(tmp_path)

    assert home.mode is Mode.PRODUCTION
    assert isinstance(home.clock, SystemClock)


def test_the_environment_names_the_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BIDUI_HOME", str(tmp_path))

    assert open_home().path == tmp_path
    assert open_home(tmp_path / "other").path == tmp_path / "other"


def test_a_home_is_one_place_wherever_the_process_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    assert open_home(Path("home")).path == tmp_path / "home"


def test_without_a_home_it_says_what_to_set() -> None:
    with pytest.raises(SettingsError, match="BIDUI_HOME"):
        open_home()


@pytest.mark.parametrize("mode", ["demo", "test"])
def test_outside_production_the_clock_may_be_driven(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str) -> None:
    (tmp_path / "clock").write_text(NOW.isoformat())
    monkeypatch.setenv("BIDUI_MODE", mode)
    monkeypatch.setenv("BIDUI_CLOCK", f"file:{tmp_path / 'clock'}")

    clock = open_home(tmp_path).clock

    assert isinstance(clock, FileClock)
    assert clock.now() == NOW.astimezone(UTC)


WRONG: dict[str, tuple[dict[str, str], str]] = {
    "a driven clock in production": ({"BIDUI_CLOCK": "file:/tmp/clock"}, "production"),
    "a driven clock in production, spelled out": (
        {"BIDUI_MODE": "production", "BIDUI_CLOCK": "file:/tmp/clock"},
        "production",
    ),
    "a mode nobody knows": ({"BIDUI_MODE": "Production"}, "BIDUI_MODE"),
    "an empty mode": ({"BIDUI_MODE": ""}, "BIDUI_MODE"),
    "a clock nobody knows": ({"BIDUI_MODE": "test", "BIDUI_CLOCK": "sundial"}, "BIDUI_CLOCK"),
    "a clock of no file": ({"BIDUI_MODE": "test", "BIDUI_CLOCK": "file:"}, "BIDUI_CLOCK"),
    "an empty clock": ({"BIDUI_MODE": "test", "BIDUI_CLOCK": ""}, "BIDUI_CLOCK"),
}


@pytest.mark.parametrize(("environment", "told"), WRONG.values(), ids=WRONG)
def test_a_wrong_environment_says_what_to_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], told: str
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    with pytest.raises(SettingsError, match=told):
        open_home(tmp_path)


# ---------------------------------------------------------------------------------------- files


def test_settings_say_what_the_file_says(tmp_path: Path) -> None:
    settings = load(
        a_home(tmp_path, SERVE + 'port = 9000\ntrusted_proxies = ["10.0.0.5"]\n'), "serve.toml", ServeSettings
    )

    assert (settings.origin, settings.issuer, settings.port) == ("o", "https://i", 9000)
    assert settings.trusted_proxies == ("10.0.0.5",)


def test_where_things_lie_by_default(tmp_path: Path) -> None:
    home = a_home(tmp_path, SERVE)

    assert home.database_url(load(home, "serve.toml", ServeSettings)) == f"sqlite:///{tmp_path}/data/control.sqlite"
    assert home.seal_socket(SealSettings()) == tmp_path / "data" / "seal" / "seal.sock"
    assert home.seal_socket(SealSettings(socket="/run/bidui/seal.sock")) == Path("/run/bidui/seal.sock")


def test_a_missing_file_says_what_writes_one(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="bidui init"):
        load(Home(path=tmp_path, mode=Mode.TEST, clock=DrivenClock()), "serve.toml", ServeSettings)


FILES: dict[str, tuple[str, str]] = {
    "no TOML": ("origin = ", "serve.toml"),
    "a member is missing": ('origin = "o"\n', "issuer"),
    "an unknown member": (SERVE + "debug = true\n", "debug"),
    "a port in words": (SERVE + 'port = "http"\n', "port"),
    "a port that is none": (SERVE + "port = 70000\n", "port"),
    "a negative port": (SERVE + "metrics_port = -1\n", "metrics_port"),
    "a number for a truth": (SERVE + "tls = 1\n", "tls"),
    "a grid of nothing": (SERVE + "grid_milliseconds = 0\n", "grid_milliseconds"),
    "a grid that goes back": (SERVE + "grid_milliseconds = -2.0\n", "grid_milliseconds"),
    "a grid without end": (SERVE + "grid_milliseconds = inf\n", "grid_milliseconds"),
    "one proxy that is no list": (SERVE + 'trusted_proxies = "10.0.0.5"\n', "trusted_proxies"),
    "an empty origin": ('origin = ""\nissuer = "https://i"\n', "origin"),
}


@pytest.mark.parametrize(("text", "told"), FILES.values(), ids=FILES)
def test_a_wrong_file_is_named_with_its_member(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(SettingsError, match=told):
        load(a_home(tmp_path, text), "serve.toml", ServeSettings)


def test_a_file_in_another_encoding_is_told_so(tmp_path: Path) -> None:
    home = a_home(tmp_path, "")
    (tmp_path / "serve.toml").write_bytes((SERVE + 'node = "节点"\n').encode("gb18030"))

    with pytest.raises(SettingsError, match=r"serve\.toml"):
        load(home, "serve.toml", ServeSettings)


# ---------------------------------------------------------------------------------------- what has no word

NOT_THERE: dict[str, tuple[str, type[msgspec.Struct], str]] = {
    "serve cannot name a source": ("serve.toml", ServeSettings, 'source = "sqlite:///register.sqlite"\n'),
    "serve cannot list sources": ("serve.toml", ServeSettings, '[[sources]]\nurl = "sqlite:///register.sqlite"\n'),
    "serve cannot name a mapping": ("serve.toml", ServeSettings, 'mapping = "person.toml"\n'),
    "serve cannot name a sealing key": ("serve.toml", ServeSettings, 'sealing_key = "keys/seal"\n'),
    "seal cannot name a database": ("seal.toml", SealSettings, 'database = "postgresql://"\n'),
    "seal cannot list sources": ("seal.toml", SealSettings, '[[sources]]\nurl = "sqlite:///register.sqlite"\n'),
}


@pytest.mark.parametrize(("name", "kind", "text"), NOT_THERE.values(), ids=NOT_THERE)
def test_settings_have_no_word_for_what_a_process_must_not_know(
    tmp_path: Path, name: str, kind: type[msgspec.Struct], text: str
) -> None:
    assert load(a_home(tmp_path, LEAST[name], name), name, kind) is not None

    with pytest.raises(SettingsError):
        load(a_home(tmp_path, LEAST[name] + text, name), name, kind)


def test_only_sync_has_a_word_for_a_source() -> None:
    having = [kind for kind in (ServeSettings, SealSettings, SyncSettings) if "sources" in kind.__struct_fields__]

    assert having == [SyncSettings]
