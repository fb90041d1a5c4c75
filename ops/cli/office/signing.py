"""Signing: what was read is recomputed, what is signed was made here, and the gateway only carries it.

1. fetch each deed, recompute its digest from its bytes, show what it says and changes;
2. ask the person;
3. ask for the statement, and go on only if it is the very one we would have made, at our time;
4. sign it with the key file, and send the signature.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import typer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.accounts.keys import fingerprint
from gateway.deeds.checking import next_step
from gateway.deeds.errors import DeedError
from gateway.deeds.signature import Signature, Statement, read_time, sign
from ops.cli.console import Exit, say
from ops.cli.office.client import OfficeClient, Told, from_text, rows, to_text
from ops.cli.office.entering import own_key, public_of, show_second
from ops.cli.office.options import SigningOptions
from ops.cli.office.problems import OfficeError, TamperedError
from ops.cli.office.reading import Read, read_pending
from ops.cli.office.showing import whole
from ops.settings import open_clock

CLOCKS_APART = timedelta(minutes=2)


def sign_deeds(client: OfficeClient, named: Sequence[str], how: SigningOptions, *, quiet: bool) -> list[Told]:
    """Signs the next step of these deeds with one signature. Raises `OfficeError`."""
    key = own_key(how.key, how.passphrase_file)
    if how.totp:
        show_second(client, how.totp)
    reads = [read_pending(client, each) for each in named]
    if not quiet:
        say("\n".join(whole(each) for each in reads))
    if not how.yes and not typer.confirm("以上是否签署？"):
        raise OfficeError("未签署", Exit.REFUSED, "cancelled")
    signature = sign(key, _statement(client, reads, key))
    return rows(client.post("/v1/office/signatures", _body(signature)), "deeds")


def _statement(client: OfficeClient, reads: Sequence[Read], key: Ed25519PrivateKey) -> Statement:
    """What we would sign; the gateway's copy must be the same, and name our time."""
    steps = {step.name if (step := next_step(each.deed)) else "" for each in reads}
    logs = {each.document.log for each in reads}
    if len(steps) != 1 or len(logs) != 1 or "" in steps:
        raise OfficeError("一并签署的文书须等待同一步骤；请分开签署", Exit.USAGE, "usage")
    kid, named = fingerprint(public_of(key)), sorted({each.digest for each in reads})
    told = client.post("/v1/office/statements", {"deeds": named, "kid": kid})
    stated = Statement(logs.pop(), steps.pop(), client.session.account, kid, _time(told), named)
    if from_text(told.get("statement")) != stated.encode():
        raise TamperedError("网关要求签署的内容与所示文书不符")
    return stated


def _time(told: Told) -> str:
    """The gateway's time, if it is ours."""
    at = str(told.get("at"))
    try:
        apart = abs(read_time(at) - open_clock().now())
    except DeedError:
        raise TamperedError("网关要求签署的内容没有时间") from None
    if apart > CLOCKS_APART:
        raise OfficeError("本机与网关的时钟相差超过 2 分钟，未签署；请先校时", Exit.FAILED, "clock")
    return at


def _body(signature: Signature) -> dict[str, object]:
    return {
        "step": signature.step,
        "kid": signature.kid,
        "at": signature.at,
        "deeds": list(signature.deeds),
        "proof": to_text(signature.proof),
    }
