"""A partner's system at the gateway, by the client that is given to partners: tokens, keys of repeats, receipts."""

from __future__ import annotations

import time
from base64 import b64encode
from dataclasses import replace
from secrets import token_urlsafe
from typing import TypeVar, cast

import httpx2
import msgspec
from cryptography.hazmat.primitives.serialization import Encoding

from adapters.keys.files import read_secret
from adapters.keys.making import read_client
from bidui_client import Account, BiduiError, Claim, Question, RefusedError, Subject
from bidui_client import UnavailableError as BusyError
from bidui_client.core import Core, Heard, Steps
from gateway.domain.caller import Caller
from gateway.domain.errors import UnavailableError
from gateway.domain.query import Query
from gateway.domain.reply import Answered, Failed, Refused, Reply, Request, Wants
from ops.settings import Home, ServeSettings, load
from ops.simulate.http.serving import LOCAL
from ops.simulate.http.timepiece import Timepiece
from ops.simulate.running import SimulationError
from policies.decision import Reason

T = TypeVar("T")
TIMEOUT_SECONDS = 20.0
MOST_WAITED_SECONDS = 30 * 24 * 3600.0
"""Of the simulated time. Whoever is told to wait for longer is told so without end."""
DOCUMENT = "调档函 2026-1 号"
_TOO_MANY = 429
_WANTS = {
    "own": Wants.DOCUMENT,
    "other": Wants.OVERDUE_DOCUMENT,
    "review": Wants.REVIEW,
}


class Line:
    """One system's connection."""

    def __init__(self, account: Account, timepiece: Timepiece) -> None:
        self._core, self._timepiece = Core(account), timepiece
        self._signing = Core(replace(account, request_key=account.key))
        self._http = httpx2.Client(trust_env=False, timeout=TIMEOUT_SECONDS)

    def compare(self, request: Request) -> Reply:
        """One question, as the gateway answers it, signed where it wants that; its receipt is held against what was
        sent.
        """
        question, core = _question(request.query, token_urlsafe(24)), self._core
        while True:
            try:
                answer = core.prove(self._carry_out(core.compare(question)))
            except RefusedError as error:
                if error.wants_signature and core is not self._signing:
                    core = self._signing
                    continue
                return Refused(Reason(error.reason), error.incident, _WANTS.get(error.document, Wants.NOTHING))
            except BusyError as error:
                if error.retry_after is None or self._timepiece.waited > MOST_WAITED_SECONDS:
                    return Failed(UnavailableError(str(error)))
                self._timepiece.wait(error.retry_after)
            except BiduiError as error:
                return Failed(UnavailableError(str(error)))
            else:
                return Answered(msgspec.json.encode(answer.told))

    def file(self, number: str, request: Request) -> None:
        """Names a document for a spot check; what a job asked, its owner answers for. Raises `SimulationError`."""
        operator = request.caller.operators[request.query.operator]
        try:
            self._carry_out(self._core.file_document(number, DOCUMENT, operator.owner or operator.id, None))
        except BiduiError as error:
            raise SimulationError(f"a document could not be named: {error}") from None

    def close(self) -> None:
        """Hangs up."""
        self._http.close()

    def _carry_out(self, steps: Steps[T]) -> T:
        heard: Heard = None
        try:
            while True:
                step = steps.send(heard)
                if isinstance(step, httpx2.Request):
                    heard = self._send(step)
                else:
                    self._wait(step, heard)
        except StopIteration as end:
            return cast("T", end.value)

    def _send(self, request: httpx2.Request) -> Heard:
        try:
            return self._http.send(request)
        except httpx2.RequestError as error:
            return error

    def _wait(self, seconds: float, heard: Heard) -> None:
        """Whoever is told to wait waits by the clock of the simulation; a gateway that is busy needs real time."""
        if isinstance(heard, httpx2.Response) and heard.status_code == _TOO_MANY:
            self._timepiece.wait(seconds)
        else:
            time.sleep(seconds)


def account_of(home: Home, caller: Caller, vkey: str, timepiece: Timepiece) -> Account:
    """What a system proves itself with; its proxy ends TLS on this machine and hands on certificate and address."""
    keys, settings = read_client(home.path, caller.client_id), load(home, "serve.toml", ServeSettings)
    secret = read_secret(home.keys / "serve" / "proxy.secret", None).decode()
    der = b64encode(keys.certificate.public_bytes(Encoding.DER)).decode()
    return Account(
        url=f"http://{LOCAL}:{settings.port}",
        client_id=caller.client_id,
        key=keys.assertion,
        audience=settings.issuer,
        headers={"Client-Cert": f":{der}:", "Bidui-Proxy-Secret": secret, "X-Real-IP": caller.address},
        receipt_key=vkey,
        clock=lambda: timepiece.now().timestamp(),
    )


def _question(query: Query, key: str) -> Question:
    subject = query.subject
    return Question(
        grant=query.grant,
        purpose=query.purpose,
        operator=query.operator,
        matter=query.matter,
        subject=Subject(subject.kind, subject.number, *subject.gate),
        claims=[Claim(each.field, each.value, each.comparator) for each in query.claims],
        key=key,
    )
