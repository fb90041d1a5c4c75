"""`bidui token`: an access token for trying things by hand. It uses the keys that `make demo` made for the client."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from adapters.identity.tokens import TokenMint
from adapters.keys.files import read_p256
from adapters.keys.making import read_client
from ops.cli.console import (
    Exit,
    HomeOption,
    JsonOption,
    PassphraseOption,
    fail,
    home_of,
    passphrase_of,
    say,
    say_json,
    told,
)
from ops.settings import Mode, ServeSettings, load


def token(
    client: Annotated[str, typer.Option(help="系统编号，如 caizheng-pay-01")],
    home: HomeOption = None,
    passphrase_file: PassphraseOption = None,
    as_json: JsonOption = False,
) -> None:
    """为本机登记的系统签发一枚 300 秒的访问令牌，供 curl 试用（生产模式请走 /oauth/token）。"""
    place = home_of(home)
    if place.mode is Mode.PRODUCTION:
        fail("生产模式下令牌只能由 /oauth/token 签发", Exit.REFUSED)
    with told():
        settings = load(place, "serve.toml", ServeSettings)
        keys = read_client(place.path, client)
        key = read_p256(place.keys / "serve" / "token.pem", passphrase_of(passphrase_file))
    mint = TokenMint(key=key, issuer=settings.issuer, audience=settings.issuer)
    issued = mint.mint(client, keys.thumbprint(), os.urandom(16).hex(), place.clock.now())
    say_json({"access_token": issued, "client": client}) if as_json else say(issued)
