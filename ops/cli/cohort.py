"""`bidui cohort`: the list of a closed grant, drawn and checked at the partner, filed at the gateway.

Salts stay in a file of the partner's own. What is signed is the root over the list, and only if the gateway came to
the very root that was computed here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated, cast
from urllib.parse import quote

import typer

from audit.entry import JsonValue
from bidui_client.cohort import Member, draw, filed, matches, read_numbers, read_salts, root_of, write_salts
from bidui_client.errors import InvalidError
from gateway.deeds.document import Kind
from gateway.deeds.steps import ADDITION, USUAL
from gateway.drafting import Proposal
from ops.cli.console import Exit, JsonOption, fail, say, say_json
from ops.cli.office.client import OfficeClient, Told, at_office
from ops.cli.office.drawing import put_up
from ops.cli.office.options import (
    FirstKeyOption,
    KeyPassphraseOption,
    ReasonOption,
    SessionOption,
    TotpOption,
    YesOption,
    signing_options,
)
from ops.cli.office.problems import OfficeError, TamperedError

app = typer.Typer(help="名册：封闭类签批单的对象名单，盐值由本部门自存", no_args_is_help=True)


class Subjects(StrEnum):
    """Whom a list is of."""

    PERSON = "person"
    ORGANISATION = "organisation"


SaltsArgument = Annotated[Path, typer.Argument(help="盐值文件，由 bidui cohort prepare 生成")]


@app.command("prepare")
def prepare(
    source: Annotated[Path, typer.Argument(help="名单：每行一个号码，或有 id 列的 CSV（UTF-8）", metavar="名单")],
    out: Annotated[Path, typer.Option("--out", help="盐值文件，不覆盖已有文件")],
    kind: Annotated[Subjects, typer.Option("--kind", help="对象类别")] = Subjects.PERSON,
    keep: Annotated[Path | None, typer.Option("--keep", help="原盐值文件：仍在名单上的对象沿用原盐值")] = None,
    as_json: JsonOption = False,
) -> None:
    """为名单上每个对象抽取盐值，写成盐值文件，给出根与人数。不连接网关。

    盐值文件与名单同等保密：凭它可以证明何人在册。
    """
    with _read():
        kept = read_salts(keep) if keep else []
        members = draw(read_numbers(source), kind.value, keep=kept)
        write_salts(out, members)
    _tell(members, as_json=as_json)


@app.command("verify")
def verify(
    salts: SaltsArgument,
    root: Annotated[str, typer.Option("--root", help="文书或存证账所载的根")],
    as_json: JsonOption = False,
) -> None:
    """核对盐值文件是否就是此根的名册。不连接网关；不符时退出码为 5。"""
    with _read():
        members = read_salts(salts)
    if not matches(members, root):
        fail("不符：此盐值文件不是该根的名册", Exit.INTEGRITY)
    _tell(members, as_json=as_json)


@app.command("file")
def file(
    number: Annotated[str, typer.Argument(help="签批单号")],
    salts: SaltsArgument,
    addition: Annotated[
        bool, typer.Option("--addition", help="仅增补，在签批单许可的每月人数内，由负责人一人签署")
    ] = False,
    reason: ReasonOption = "",
    key: FirstKeyOption = None,
    passphrase_file: KeyPassphraseOption = None,
    totp: TotpOption = None,
    yes: YesOption = False,
    session: SessionOption = None,
    as_json: JsonOption = False,
) -> None:
    """报送名册，核对网关算得的根，拟定名册文书；给出 --key 即签署第一步。

    号码只在报送途中出现，网关不留存；留存的是盐值摘要与密钥摘要。
    """
    with _read():
        members = read_salts(salts)
    how = signing_options(key, passphrase_file, totp, yes=yes)
    with at_office(session, as_json=as_json) as client:
        content = _content(_filed(client, number, members), members, ADDITION if addition else USUAL)
        path = ADDITION if addition else USUAL
        proposal = Proposal(kind=Kind.COHORT, id=number, content=content, path=path, reason=reason)
        put_up(client, [proposal], how, as_json=as_json)


def _filed(client: OfficeClient, number: str, members: list[Member]) -> Told:
    """What the gateway says of the list, if it is what we have computed ourselves. Raises `OfficeError`."""
    told = client.upload(f"/v1/office/cohorts/{quote(number, safe='')}", filed(members), "text/csv")
    if (told.get("rows"), told.get("malformed"), told.get("root")) != (len(members), 0, root_of(members)):
        raise TamperedError("网关算得的人数或根与本机不符")
    return told


def _content(told: Told, members: list[Member], path: str) -> Mapping[str, JsonValue]:
    """What the deed will say. Raises `OfficeError` where the path is not open for this list."""
    deeds = told.get("deeds")
    content = cast("Mapping[str, Mapping[str, JsonValue]]", deeds).get(path) if isinstance(deeds, dict) else None
    if content is None:
        text = "此名册不能按增补办理：有对象移出，或已超出签批单许可的每月增补人数；请不加 --addition 办理"
        raise OfficeError(text, Exit.REFUSED, "forbidden")
    if (content.get("root"), content.get("count")) != (root_of(members), len(members)):
        raise TamperedError("网关拟出的文书与名册不符")
    return content


def _tell(members: list[Member], *, as_json: bool) -> None:
    root = root_of(members)
    say_json({"root": root, "count": len(members)}) if as_json else say(f"根 {root}\n人数 {len(members)}")


@contextmanager
def _read() -> Iterator[None]:
    """Turns what is wrong with a file into one line; no number is ever in it."""
    try:
        yield
    except InvalidError as error:
        fail(f"文件有误（{error}）", Exit.USAGE)
    except OSError as error:
        fail(f"文件无法读写（{error.strerror}）", Exit.USAGE)
