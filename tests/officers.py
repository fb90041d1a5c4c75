"""People of an office at their command lines: each has an account, a key file and a session of their own.

The commands are the product's, run in this process; the gateway is another one, reached over TLS. All of them read one
clock file, which moves on when somebody needs another one-time code.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pyotp import TOTP
from typer.testing import CliRunner

from gateway.domain.people import Duty
from ops.cli.main import app
from ops.demo.office import number_of

STEP = 30
FRESH = 4 * 60
PASSWORD = "correct horse battery"
RUN = CliRunner()


@dataclass(frozen=True)
class Clock:
    """The one clock of a story, in a file."""

    path: Path

    def start(self) -> None:
        self._write(datetime.now(UTC).replace(microsecond=0))

    def now(self) -> datetime:
        return datetime.fromisoformat(self.path.read_text())

    def seconds(self) -> int:
        return int(self.now().timestamp())

    def pass_by(self, seconds: float) -> None:
        self._write(self.now() + timedelta(seconds=seconds))

    def _write(self, at: datetime) -> None:
        draft = self.path.with_suffix(".new")
        draft.write_text(at.isoformat())
        draft.replace(self.path)


@dataclass(frozen=True)
class Told:
    """What a command came to."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        opened: dict[str, Any] = json.loads(self.out)
        return opened

    @property
    def deeds(self) -> list[str]:
        """The digests of the deeds that it tells of."""
        return [each["digest"] for each in self.json["deeds"]]


@dataclass
class Officer:
    """One person. Shows a one-time code where the last one is too old to count."""

    account: str
    duty: Duty
    url: str
    ca: Path
    folder: Path
    clock: Clock
    partner: str | None = None
    _secret: str = ""
    _last_step: int = 0
    _shown: int = 0

    def __post_init__(self) -> None:
        self.folder.mkdir(mode=0o700, parents=True)
        self.private("password", PASSWORD)
        self.private("who.toml", f'name = "某{self.account}"\nid_number = "{number_of(self.account)}"')

    @property
    def key(self) -> Path:
        return self.folder / "key.pem"

    def private(self, name: str, text: str) -> Path:
        """A file of theirs."""
        path = self.folder / name
        path.touch(mode=0o600)
        path.write_text(text + "\n", encoding="utf-8")
        return path

    def run(self, *arguments: object) -> Told:
        """Any command, in JSON."""
        return self._invoke(*arguments, "--json")

    def says(self, *arguments: object) -> str:
        """What a command tells people."""
        done = self._invoke(*arguments)
        assert done.code == 0, (arguments, done)
        return done.out

    def ok(self, *arguments: object) -> Told:
        """A command that must go well."""
        done = self.run(*arguments)
        assert done.code == 0, (arguments, done)
        return done

    def enrol(self, code: str) -> dict[str, Any]:
        """Takes the account that the code is for."""
        place = ("--url", self.url, "--ca", self.ca, "--key", self.key, "--code-file", self.private("code", code))
        out = self.folder / "totp"
        done = self.ok("enrol", *place, "--password-file", self.folder / "password", "--totp-secret-out", out)
        self._secret, self._last_step = out.read_text().strip(), self.clock.seconds() // STEP
        return done.json

    def sign_in(self) -> None:
        """Opens a session, its second factor fresh."""
        place = ("--url", self.url, "--ca", self.ca, "--session", self.session)
        who = ("--account", self.account, "--password-file", self.folder / "password", "--totp", self.totp())
        self.ok("sign-in", *place, *who)
        self._shown = self.clock.seconds()

    def refresh(self) -> None:
        """Signs in anew unless the second factor still counts."""
        if self.clock.seconds() - self._shown > FRESH:
            self.sign_in()

    def totp(self) -> str:
        """A one-time code that was not used yet; the clock moves on if it must."""
        self.clock.pass_by(max(0, (self._last_step + 1) * STEP - self.clock.seconds()))
        self._last_step = self.clock.seconds() // STEP
        return TOTP(self._secret).at(self.clock.now())

    @property
    def session(self) -> Path:
        return self.folder / "session.json"

    def act(self, *arguments: object) -> Told:
        """A command at the office, whatever comes of it."""
        self.refresh()
        return self.run(*arguments, "--session", self.session)

    def does(self, *arguments: object) -> Told:
        """A command at the office that must go well."""
        done = self.act(*arguments)
        assert done.code == 0, (self.account, arguments, done)
        return done

    def tells(self, *arguments: object) -> str:
        """What a command at the office says to people."""
        self.refresh()
        return self.says(*arguments, "--session", self.session)

    def proposes(self, *arguments: object) -> list[str]:
        """Draws deeds up and signs their first step; their digests."""
        return self.does(*arguments, "--key", self.key, "--yes").deeds

    def tries_to_sign(self, *digests: str) -> Told:
        return self.act("deed", "sign", *digests, "--key", self.key, "--yes")

    def signs(self, *digests: str) -> list[dict[str, Any]]:
        """The deeds, one step further."""
        deeds: list[dict[str, Any]] = self.does("deed", "sign", *digests, "--key", self.key, "--yes").json["deeds"]
        return deeds

    def sees(self, digest: str) -> Mapping[str, Any]:
        """A deed that waits, as they see it."""
        return self.does("deed", "show", digest).json

    def _invoke(self, *arguments: object) -> Told:
        result = RUN.invoke(app, [*map(str, arguments)], env=self._environment())
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return Told(result.exit_code, result.stdout, result.stderr)

    def _environment(self) -> dict[str, str]:
        return {"BIDUI_MODE": "test", "BIDUI_CLOCK": f"file:{self.clock.path}", "XDG_STATE_HOME": str(self.folder)}


@dataclass
class Staff:
    """Everybody, and how they get in."""

    url: str
    ca: Path
    folder: Path
    clock: Clock
    everybody: dict[str, Officer] = field(default_factory=dict)

    def officer(self, account: str, duty: Duty, partner: str | None = None) -> Officer:
        made = Officer(account, duty, self.url, self.ca, self.folder / account, self.clock, partner)
        self.everybody[account] = made
        return made

    def invited(self, by: Officer, account: str, duty: Duty, partner: str | None = None) -> Officer:
        """Somebody whom an administrator invited and who has enrolled; two signatures are missing."""
        made = self.officer(account, duty, partner)
        named = ("--duty", duty.value, *(("--partner", partner) if partner else ()), "--who", made.folder / "who.toml")
        made.enrol(by.does("person", "invite", account, *named).json["code"])
        return made
