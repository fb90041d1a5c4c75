"""What a person's commands remember from one to the next: which gateway, who, and the session. A file of mode 0600."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from adapters.keys.files import private_folder, read_private
from ops.settings import state_folder

FILE = Path("bidui") / "session.json"


class Gateway(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a gateway is reached. Paths are absolute; empty where there is none."""

    url: str
    origin: str = ""
    """Which site our requests belong to; empty: the issuer that the gateway names."""
    ca: str = ""
    certificate: str = ""
    certificate_key: str = ""


class Session(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who is signed in where. Shows nothing of the cookies."""

    gateway: Gateway
    account: str
    token: str = ""
    cookies: dict[str, str] = {}

    def __repr__(self) -> str:
        return f"Session({self.account!r} at {self.gateway.url!r})"


def session_path(named: Path | None) -> Path:
    """The file that an option names, or the one of this user."""
    return named or state_folder() / FILE


def read_session(path: Path) -> Session | None:
    """None when nobody is signed in, or the file is of another version. Raises `KeyFileError`."""
    if not path.exists():
        return None
    try:
        return msgspec.json.decode(read_private(path), type=Session)
    except msgspec.DecodeError:
        return None


def write_session(path: Path, session: Session) -> None:
    """In place of what was there, whole or not at all. Raises `KeyFileError`, `OSError`."""
    if not path.parent.exists():
        private_folder(path.parent)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600), "wb") as file:
        file.write(msgspec.json.encode(session))
    draft.replace(path)
