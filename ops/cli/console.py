"""What all commands share: exit codes, the home, and printing for people or machines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import IntEnum
from pathlib import Path
from typing import Annotated, NoReturn

import msgspec
import typer

from adapters.keys.files import KeyFileError, Passphrase, read_passphrase
from audit.errors import AuditError
from gateway.deeds.errors import DeedError
from gateway.domain.errors import GatewayError
from gateway.domain.grant import GrantError
from gateway.domain.partner_file import PartnerFileError
from ops.settings import Home, SettingsError, open_home
from policies.invalid import CatalogueError
from policies.problems import RulebookError


class Exit(IntEnum):
    """Exit codes of every command but `audit verify`, which has its own."""

    OK = 0
    FAILED = 1
    USAGE = 2
    REFUSED = 3
    QUOTA = 4
    INTEGRITY = 5


HomeOption = Annotated[Path | None, typer.Option("--home", help="安装目录；默认取环境变量 BIDUI_HOME")]
JsonOption = Annotated[bool, typer.Option("--json", help="以 JSON 输出")]
PassphraseOption = Annotated[Path | None, typer.Option("--passphrase-file", help="密钥口令所在文件")]


def say(text: str) -> None:
    """A line for people."""
    typer.echo(text)


def say_json(document: Mapping[str, object]) -> None:
    """A document for machines, one line."""
    typer.echo(msgspec.json.encode(document).decode())


def fail(text: str, code: Exit = Exit.FAILED) -> NoReturn:
    """Says what is wrong and ends the command."""
    typer.echo(text, err=True)
    raise typer.Exit(code)


def home_of(path: Path | None) -> Home:
    """The home that an option or the environment names."""
    with told():
        return open_home(path)


def passphrase_of(path: Path | None) -> Passphrase | None:
    """The passphrase in a file, if one is named."""
    with told():
        return read_passphrase(path) if path else None


@contextmanager
def told() -> Iterator[None]:
    """Turns the errors of our own rooms into one line and an exit code."""
    try:
        yield
    except (SettingsError, DeedError, GrantError, PartnerFileError, RulebookError, CatalogueError) as error:
        fail(str(error), Exit.USAGE)
    except AuditError as error:
        fail(str(error), Exit.INTEGRITY)
    except (KeyFileError, GatewayError, OSError) as error:
        fail(str(error))
