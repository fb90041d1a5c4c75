"""What the client does, without doing any of it: `Core` says which request to send or how many seconds to wait, and
is told what came back. `Client` and `AsyncClient` are the two ways to carry that out.

* One question has one Idempotency-Key and one body, whatever happens: a repeat costs nothing, its answer is the same.
* Every token request has an assertion of its own, and every request its own proof and signature where the account has
  keys for them, because the gateway takes each once.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import suppress
from datetime import date
from functools import partial
from hashlib import sha256
from typing import TypeAlias, TypeVar, cast, get_args
from urllib.parse import urlencode

import httpx2

from bidui_client.errors import (
    InvalidError,
    NotMadeError,
    ProtocolError,
    ReceiptError,
    RefusedError,
    UnavailableError,
    from_problem,
)
from bidui_client.proofs import assertion, base64url, dpop_proof, signed
from bidui_client.receipt import canonical, check_receipt, keep, keep_refusal
from bidui_client.spot_checks import NUMBER, SpotCheck, read_spot_check, read_spot_checks
from bidui_client.statement import Entry, StatementCheck, check_statement, read_entries, read_kept
from bidui_client.values import Account, Answer, FieldCode, Question, SubjectCode, Told

T = TypeVar("T")
Heard: TypeAlias = httpx2.Response | httpx2.RequestError | None
Steps: TypeAlias = Generator[httpx2.Request | float, Heard, T]

BUSY = {409, 429, 502, 503, 504}
ATTEMPTS = 4
MOST_DISPUTED = 300
NOT_FOUND = 404
LONGEST_WAIT_SECONDS = 30.0
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


class Core:
    """The conversation with one gateway. Keeps its token until a tenth of the token's life is left."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._token, self._until = "", 0.0
        self._nonce = ""

    def compare(self, question: Question) -> Steps[Answer]:
        """Ask one question. The steps raise `BiduiError` and nothing else."""
        body, sent = _body(question)
        key = question.get("key") or base64url(self._account.entropy(24))
        try:
            told = yield from self._ask("POST", "/v1/comparisons", JSON | {"Idempotency-Key": key}, body, sent)
        except RefusedError as error:
            self._keep_refusal(error)
            raise
        return _answer(told, body, {claim.field for claim in question["claims"]})

    def catalogue(self) -> Steps[Told]:
        """Ask what this system may compare."""
        return (yield from self._ask("GET", "/v1/catalogue", {}, b"", ()))

    def check_statement(self, day: date) -> Steps[StatementCheck]:
        """Fetch the statement of a day and hold it against what was kept; its entries are fetched where they differ."""
        vkey, folder = self._account.receipt_key, self._account.receipts
        if vkey is None or folder is None:
            raise InvalidError("account", "give receipt_key and receipts: a statement is held against kept receipts")
        kept = read_kept(folder)
        try:
            told = yield from self._ask("GET", f"/v1/statements?day={day.isoformat()}", {}, b"", ())
        except ProtocolError as error:
            if error.status == NOT_FOUND:
                raise NotMadeError("there is no statement of that day yet") from None
            raise
        found = check_statement(vkey, told, kept, system=self._account.client_id, day=day)
        if found is None:
            entries = yield from self._entries(day)
            found = check_statement(vkey, told, kept, system=self._account.client_id, day=day, entries=entries)
        if found is None:
            raise ProtocolError("a statement was compared with its entries and nothing came of it")
        return found

    def dispute(self, check: StatementCheck) -> Steps[str]:
        """Tell the register's office where a statement and the kept receipts differ."""
        if not check.unknown and not check.missing:
            raise InvalidError("check", "there is nothing to dispute")
        unknown, missing = [each.index for each in check.unknown][:MOST_DISPUTED], list(check.missing)[:MOST_DISPUTED]
        body = canonical({"day": check.day.isoformat(), "unknown": unknown, "missing": missing})
        told = yield from self._ask("POST", "/v1/statements/disputes", JSON, body, ())
        return str(told.get("dispute", ""))

    def spot_checks(self) -> Steps[list[SpotCheck]]:
        """Ask which of this partner's answers wait for a document, or for the office to look at one."""
        told = yield from self._ask("GET", "/v1/spot-checks", {}, b"", ())
        return read_spot_checks(told)

    def file_document(self, number: str, document: str, operator: str, scan: bytes | None) -> Steps[SpotCheck]:
        """Name the document that a refused question waits for. The scan itself stays here; its digest goes along."""
        if not NUMBER.fullmatch(number):
            raise InvalidError("number", "is the incident of the refusal: 16 hex digits")
        plain = {"document": document, "operator": operator}
        try:
            body = canonical(plain if scan is None else plain | {"sha256": sha256(scan).hexdigest()})
        except (TypeError, ValueError):
            body = b""
        if not body:
            raise InvalidError("document", "must be text in valid Unicode")
        try:
            told = yield from self._ask("POST", f"/v1/spot-checks/{number}", JSON, body, [document])
        except ProtocolError as error:
            if error.status == NOT_FOUND:
                raise InvalidError("number", "no answer of this partner waits for a document of this number") from None
            raise
        return read_spot_check(told)

    def _entries(self, day: date) -> Steps[list[Entry]]:
        pages: list[Told] = []
        after = -1
        while True:
            path = f"/v1/statements/entries?day={day.isoformat()}&after={after}"
            page = yield from self._ask("GET", path, {}, b"", ())
            found = read_entries([page])
            pages.append(page)
            if not page.get("more") or not found or found[-1].index <= after:
                return read_entries(pages)
            after = found[-1].index

    def _keep_refusal(self, error: RefusedError) -> None:
        """A refusal is told whether or not it could be written down."""
        if self._account.receipts is not None:
            with suppress(ReceiptError):
                keep_refusal(
                    self._account.receipts, incident=error.incident, reason=error.reason, at=self._account.clock()
                )

    def prove(self, answer: Answer) -> Answer:
        """Keep and check the receipt as the account wants it; kept first, because a bad one is evidence too."""
        try:
            if self._account.receipts is not None:
                keep(self._account.receipts, request=answer.sent, answer=answer.told)
            if self._account.receipt_key is not None:
                check_receipt(self._account.receipt_key, request=answer.sent, answer=answer.told)
        except ReceiptError as error:
            error.answer = answer
            raise
        return answer

    def _ask(self, method: str, path: str, headers: dict[str, str], body: bytes, sent: Sequence[str]) -> Steps[Told]:
        had_token = self._account.clock() < self._until
        heard = yield from self._authorised(method, path, headers, body)
        if heard.status_code == 401 and had_token:  # the token was revoked, or the gateway has a new key
            self._until = 0.0
            heard = yield from self._authorised(method, path, headers, body)
        return _told(heard, sent)

    def _authorised(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Steps[httpx2.Response]:
        token = yield from self._usable_token()
        return (yield from self._proven(partial(self._authorised_request, method, path, headers, body, token)))

    def _authorised_request(
        self, method: str, path: str, headers: dict[str, str], body: bytes, token: str
    ) -> httpx2.Request:
        scheme = "DPoP" if self._account.dpop_key else "Bearer"
        shown = headers | {"Authorization": f"{scheme} {token}"}
        if body:
            shown = signed(self._account, method, path, shown, body)
        return self._request(method, path, shown | self._proof(method, path, token), body)

    def _proof(self, method: str, path: str, token: str = "") -> dict[str, str]:
        """The proof that goes with a request, where the account has a key for it."""
        if self._account.dpop_key is None:
            return {}
        place, _, _ = path.partition("?")  # a proof names the address without its query (RFC 9449, 4.2)
        return {"DPoP": dpop_proof(self._account, method, place, token=token, nonce=self._nonce)}

    def _proven(self, request: Callable[[], httpx2.Request]) -> Steps[httpx2.Response]:
        """Send, and send again if the gateway wants its own nonce in the proof."""
        heard = yield from self._patiently(request)
        if heard.status_code in {400, 401} and self._is_new_nonce(heard):
            heard = yield from self._patiently(request)
        return heard

    def _is_new_nonce(self, heard: httpx2.Response) -> bool:
        told = heard.headers.get("DPoP-Nonce", "")
        is_new = self._account.dpop_key is not None and told not in {"", self._nonce} and told.isprintable()
        self._nonce = told if is_new else self._nonce
        return is_new

    def _usable_token(self) -> Steps[str]:
        now = self._account.clock()
        if now < self._until:
            return self._token
        told = _told((yield from self._proven(self._token_request)))
        token, life = told.get("access_token"), told.get("expires_in")
        if not isinstance(token, str) or not token.isascii() or not token.isprintable() or not isinstance(life, int):
            raise ProtocolError("the token endpoint did not answer with a token and its life")
        self._token, self._until = token, now + 0.9 * life
        return token

    def _token_request(self) -> httpx2.Request:
        form = {
            "grant_type": "client_credentials",
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": assertion(self._account),
        }
        proof = self._proof("POST", "/oauth/token")
        return self._request("POST", "/oauth/token", FORM | proof, urlencode(form).encode())

    def _request(self, method: str, path: str, headers: dict[str, str], body: bytes) -> httpx2.Request:
        url = self._account.url.rstrip("/") + path
        return httpx2.Request(method, url, headers={**self._account.headers, **headers}, content=body)

    def _patiently(self, request: Callable[[], httpx2.Request]) -> Steps[httpx2.Response]:
        """Send until the gateway is no longer silent or busy. A little chance keeps waiting callers apart."""
        for attempt in range(1, ATTEMPTS + 1):
            heard = yield request()
            if isinstance(heard, httpx2.Response) and heard.status_code not in BUSY:
                return heard
            pause = (_retry_after(heard) or 0.25 * 2**attempt) + self._account.entropy(1)[0] / 1024
            if attempt == ATTEMPTS or pause > LONGEST_WAIT_SECONDS:
                return _answered(heard)
            yield pause
        raise AssertionError("the last attempt returns")


def _body(question: Question) -> tuple[bytes, list[str]]:
    """The body of a question, and the values in it that no error may repeat."""
    subject, claims = question["subject"], question["claims"]
    if not claims:
        raise InvalidError("claims", "name at least one field: nothing proves nothing")
    plain = {name: question.get(name) for name in ("grant", "purpose", "operator", "as_of", "matter")}
    body = {**plain, "subject": _given(vars(subject)), "claims": [vars(claim) for claim in claims]}
    try:
        content = canonical(_given(body))
    except (TypeError, ValueError):
        content = b""  # that error holds the value, so it must not become the cause of ours
    if not content:
        raise InvalidError("claims", "values must be text, numbers, true or false, in valid Unicode")
    return content, [subject.id, subject.name or "", *(str(claim.value) for claim in claims)]


def _given(members: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in members.items() if value is not None}


def _answered(heard: Heard) -> httpx2.Response:
    if isinstance(heard, httpx2.Response):
        return heard
    # Only this one's text is about the connection alone; others may quote what was sent.
    cause = str(heard) if isinstance(heard, httpx2.ConnectError) else type(heard).__name__
    raise UnavailableError(f"no answer from the gateway: {cause}")


def _retry_after(heard: Heard) -> float | None:
    text = heard.headers.get("Retry-After", "") if isinstance(heard, httpx2.Response) else ""
    return float(text) if text.isdecimal() else None


def _told(heard: httpx2.Response, sent: Sequence[str] = ()) -> Told:
    """The JSON object that came with a 200; any other status as its error."""
    try:
        value = json.loads(heard.content)
    except (ValueError, RecursionError):
        value = None
    told: Told = cast("Told", value) if isinstance(value, dict) else {}
    if heard.status_code not in {200, 201}:
        raise from_problem(heard.status_code, told, _retry_after(heard), sent)
    return told


def _answer(told: Told, sent: bytes, asked: set[str]) -> Answer:
    """The answer, if it has the form and the codes we know and speaks of every field asked."""
    try:
        subject, fields, data = told["subject"], told["fields"], told["data"]
        answer = Answer(subject, fields, told["as_of"], data, told["receipt"], sent, told)
        is_known = subject in get_args(SubjectCode) and asked <= fields.keys()
        is_whole = isinstance(data, dict) and isinstance(told["receipt"]["body"], dict)
        if is_known and is_whole and all(code in get_args(FieldCode) for code in fields.values()):
            return answer
    except (KeyError, TypeError, AttributeError):
        pass
    raise ProtocolError("the answer has a form or codes that this client does not know")
