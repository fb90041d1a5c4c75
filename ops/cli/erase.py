"""`bidui audit point`, `erase`, `reveal`: what deeds call a person; a person erased; what entries hide, shown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Annotated, cast
from urllib.parse import quote

import typer

from gateway.api.office.custody import erased_document
from ops.cli.console import HomeOption, JsonOption, PassphraseOption, home_of, passphrase_of, say, say_json, told
from ops.cli.office.client import at_office, rows
from ops.cli.office.options import SessionOption, secret
from ops.erasing import open_custody

IdFileOption = Annotated[Path | None, typer.Option("--id-file", help="号码所在文件（0600），不给则当场输入")]


def point(
    kind: Annotated[str, typer.Option(help="person、organisation 或 operator")] = "person",
    id_file: IdFileOption = None,
    session: SessionOption = None,
    as_json: JsonOption = False,
) -> None:
    """文书中如何称呼一个人：由号码得出 32 位标识，用作删除、保全文书的 subject。号码不写进命令行。"""
    with at_office(session, as_json=as_json) as office:
        found = office.post("/v1/office/points", {"kind": kind, "id": secret(id_file, "号码")})
    say_json(found) if as_json else say(str(found["subject"]))


def erase(
    deed: Annotated[str, typer.Argument(help="生效的删除文书编号；不给则在本机续办所有到期未完的删除")] = "",
    home: HomeOption = None,
    passphrase_file: PassphraseOption = None,
    session: SessionOption = None,
    as_json: JsonOption = False,
) -> None:
    """依审计管理员和领导签署的文书删除一个人的披露项、盐、密钥和检索标识；记入存证账，证明仍然有效。

    不给编号时须在网关本机运行：中断的、密钥文件被旧备份覆盖的、已过保存期的删除都接着办完。
    """
    if deed:
        with at_office(session, as_json=as_json) as office:
            done = [office.post(f"/v1/office/erasures/{quote(deed, safe='')}", {})]
    else:
        place, passphrase = home_of(home), passphrase_of(passphrase_file)
        with told(), closing(open_custody(place, passphrase)) as desks:
            done = [erased_document(each) for each in desks.erasing.finish()]
    if as_json:
        say_json({"erasures": done})
        return
    say("\n".join(f"{each['deed']}：{each['zh']}" for each in done) or "没有需要续办的删除")


def reveal(
    deed: Annotated[str, typer.Argument(help="生效的开示文书编号，须由本人提出")],
    session: SessionOption = None,
    as_json: JsonOption = False,
) -> None:
    """依审计管理员和领导签署的文书，显示所列条目的加密披露项；每一条先记入存证账。"""
    with at_office(session, as_json=as_json) as office:
        shown = office.post(f"/v1/office/reveals/{quote(deed, safe='')}", {})
    say_json(shown) if as_json else say("\n".join(line for each in rows(shown, "shown") for line in _lines(each)))


def _lines(shown: Mapping[str, object]) -> Iterator[str]:
    yield f"第 {shown['entry']} 条"
    for each in cast("list[Mapping[str, object]]", shown["disclosures"]):
        gone = "打不开，请运行 bidui audit verify --disclosures" if each["erased_by"] is None else ""
        erased = gone or f"已由第 {each['erased_by']} 条删除"
        yield f"  {each['name']}：{erased if each['value'] is None else each['value']}"
