"""Drawing up deeds: what a command proposes is sent, told, and on request signed for its first step at once."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from pathlib import Path
from typing import cast

from audit.entry import JsonValue
from gateway.deeds.document import Kind
from gateway.deeds.steps import path_of
from gateway.drafting import Proposal
from ops.cli.console import Exit, say, say_json
from ops.cli.office.client import OfficeClient, Told
from ops.cli.office.options import SigningOptions
from ops.cli.office.problems import OfficeError
from ops.cli.office.reading import DEEDS, in_force, opened, versions
from ops.cli.office.showing import KIND_ZH, short, waiting_for
from ops.cli.office.signing import prepare, sign_deeds


def draw(client: OfficeClient, proposal: Proposal) -> Told:
    """Draws a deed up. Raises `OfficeError`."""
    body = {"kind": proposal.kind.value, "id": proposal.id, "content": proposal.content}
    return client.post(DEEDS, {**body, "path": proposal.path, "reason": proposal.reason})


def put_up(
    client: OfficeClient,
    proposals: Sequence[Proposal],
    how: SigningOptions | None,
    *,
    as_json: bool,
    left: Sequence[str] = (),
) -> None:
    """Draws all of them up, signs their first step if there is a key, and tells how far they are and what is left."""
    signer = prepare(client, how, quiet=as_json) if how and proposals else None
    drawn = [draw(client, each) for each in proposals]
    if signer:
        drawn = sign_deeds(client, [str(each["digest"]) for each in drawn], signer, quiet=as_json)
    tell(drawn, as_json=as_json, left=left)


def tell(done: Sequence[Told], *, as_json: bool, left: Sequence[str] = ()) -> None:
    """What was drawn up or signed, and who is next."""
    if as_json:
        say_json({"deeds": done, "left": list(left)})
        return
    for each in done:
        say(f"{KIND_ZH[Kind(str(each['kind']))]} {each['id']}（{short(each['digest'])}）：{_how_far(each)}")
    for line in left:
        say(f"尚待：{line}")


def is_news(client: OfficeClient, kind: Kind, deed_id: str, content: Mapping[str, JsonValue]) -> bool:
    """Whether this is neither in force nor on its way already."""
    found = versions(client, kind.value, deed_id)
    if any(each["state"] == "pending" for each in found):
        return False
    now = in_force(found)
    return now is None or opened(now).document.content != content


def read_toml(path: Path) -> dict[str, object]:
    """A TOML file. Raises `OfficeError`."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise OfficeError(f"{path.name} 无法读取（{error.strerror}）", Exit.USAGE, "usage") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        raise OfficeError(f"{path.name} 不是 UTF-8 的 TOML 文件", Exit.USAGE, "usage") from None


def as_content(table: Mapping[str, object]) -> dict[str, JsonValue]:
    """TOML as what is signed: times become texts, and nothing has a fraction."""
    return {name: _plain(value) for name, value in table.items()}


def _plain(value: object) -> JsonValue:
    if isinstance(value, Mapping):
        return as_content(cast("Mapping[str, object]", value))
    if isinstance(value, list):
        return [_plain(each) for each in cast("list[object]", value)]
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, bool | int | str):
        return value
    raise OfficeError("文书中的数须为整数", Exit.USAGE, "usage")


def _how_far(told: Told) -> str:
    if told["state"] == "in_force":
        return "已签齐，即刻生效"
    steps = path_of(Kind(str(told["kind"])), str(told["path"]))
    return waiting_for(next((each for each in steps if each.name == told["next"]), None))
