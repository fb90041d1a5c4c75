"""Signing: what was read is recomputed, what is signed was made here, and the gateway only carries it.

1. fetch each deed, recompute its digest from its bytes, show what it says and changes;
2. ask the person;
3. ask for the statement, and go on only if it is the very one we would have made, at our time;
4. sign it with the key file, and send the signature.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
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
from ops.cli.office.problems import OfficeError, TamperedError, problem
from ops.cli.office.reading import Read, read_pending
from ops.cli.office.showing import whole
from ops.settings import open_clock

CLOCKS_APART = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class Signer:
    """Somebody who is ready to sign: their key is read, and their second factor was shown lately."""

    key: Ed25519PrivateKey
    asks: bool
    """Whether they are shown what they sign, and asked."""


def prepare(client: OfficeClient, how: SigningOptions, *, quiet: bool) -> Signer:
    """Finds out what would keep somebody from signing, before anything is drawn up. Raises `OfficeError`."""
    if quiet and not how.yes:
        raise OfficeError("--json 不显示文书、也不询问，须与 --yes 同用；请先不带 --json 看过文书", Exit.USAGE, "usage")
    key = own_key(how.key, how.passphrase_file)
    if how.totp:
        show_second(client, how.totp)
    elif read_time(str(client.get("/v1/office/session").get("fresh_until"))) <= open_clock().now():
        raise problem("step-up-required", "须先再次出示动态口令")
    return Signer(key, not how.yes)


def sign_deeds(client: OfficeClient, named: Sequence[str], signer: Signer, *, quiet: bool) -> list[Told]:
    """Signs the next step of these deeds with one signature. Raises `OfficeError`."""
    reads = [read_pending(client, each) for each in named]
    if not quiet:
        say("\n".join(whole(each) for each in reads))
    if signer.asks and not typer.confirm("以上是否签署？"):
        raise OfficeError(
            "未签署；文书仍待签，可稍后 bidui deed sign，或以 bidui deed refuse 退回", Exit.REFUSED, "cancelled"
        )
    signature = sign(signer.key, _statement(client, reads, signer.key))
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
