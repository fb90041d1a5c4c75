"""Options that several commands share, and how secrets are read: from a file or a prompt, never an argument."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from adapters.keys.files import read_passphrase

SessionOption = Annotated[Path | None, typer.Option("--session", help="会话文件；默认在 XDG_STATE_HOME 下")]
UrlOption = Annotated[str, typer.Option("--url", help="网关地址，https://…")]
OriginOption = Annotated[str, typer.Option("--origin", help="本系统页面的站点；默认取网关公布的签发者")]
CaOption = Annotated[Path | None, typer.Option("--ca", help="网关证书签发机构的证书文件")]
CertOption = Annotated[Path | None, typer.Option("--cert", help="客户端证书（PEM），网关要求时才用")]
CertKeyOption = Annotated[Path | None, typer.Option("--cert-key", help="客户端证书的私钥")]
PasswordOption = Annotated[Path | None, typer.Option("--password-file", help="口令所在文件（0600），不给则当场输入")]
TotpOption = Annotated[str | None, typer.Option("--totp", help="当前动态口令（6 位），先作二次验证")]
KeyOption = Annotated[Path, typer.Option("--key", help="本人的签名密钥文件")]
FirstKeyOption = Annotated[Path | None, typer.Option("--key", help="本人的签名密钥文件；给出即同时签署第一步")]
KeyPassphraseOption = Annotated[Path | None, typer.Option("--passphrase-file", help="密钥口令所在文件（0600）")]
YesOption = Annotated[bool, typer.Option("--yes", help="不再询问；仅供无人值守，之前须已看过文书")]
ReasonOption = Annotated[str, typer.Option("--reason", help="理由，写入文书")]
MustReasonOption = Annotated[str, typer.Option("--reason", help="理由，必填，写入文书")]


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningOptions:
    """With what somebody signs, and whether they are asked again."""

    key: Path
    passphrase_file: Path | None = None
    totp: str | None = None
    yes: bool = False


def signing_options(
    key: Path | None, passphrase_file: Path | None, totp: str | None, *, yes: bool
) -> SigningOptions | None:
    """None without a key: then nothing is signed."""
    return SigningOptions(key=key, passphrase_file=passphrase_file, totp=totp, yes=yes) if key else None


def secret(file: Path | None, asked: str, *, hidden: bool = True, again: bool = False) -> str:
    """A secret from the first line of a private file, or asked for. Raises `KeyFileError`."""
    if file is not None:
        return read_passphrase(file).reveal().decode("utf-8", "replace").strip()
    prompted: str = typer.prompt(asked, hide_input=hidden, confirmation_prompt=again)
    return prompted.strip()
