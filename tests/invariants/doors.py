"""Every door of the product with everything it may say: the table that promises about responses are held to.

A later issue adds its doors here; `test_every_route_has_a_row` names the one that is missing.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from urllib.parse import urlencode

from adapters.identity.jose import jose_key
from adapters.identity.tokens import TokenMint
from adapters.keys.files import read_p256
from adapters.keys.making import read_client
from gateway.api.app import READY_SECONDS
from gateway.domain.grant import local_day
from gateway.domain.query import MAX_CLAIMS
from ops.demo.staging import DEPARTMENTS, ISSUER
from ops.prove.homes import FINANCE, handed_on, limits
from tests.adapters.make_identity import signed
from tests.checks import a_check
from tests.invariants.world import NOW, Asking, World, a_scope

Ask = Callable[[World], Sequence[Asking]]
COMPARISONS = "/v1/comparisons"
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
CANARY = "金丝雀乙丙丁"
"""A claimed text that the register does not hold and that no response may repeat."""
WAITS, FORM = "5c" * 8, f"{CANARY} 2026-117"
_numbers = count(1)


@dataclass(frozen=True)
class Row:
    """One thing that a door may say: what to ask, and the status of the last answer to it."""

    says: str
    route: str
    status: int
    ask: Ask
    during: Callable[[World], AbstractContextManager[None]] | None = None
    """What must be the case for the door to say so, if anything."""

    def __str__(self) -> str:
        return f"{self.route} {self.says}"

    def told(self, world: World) -> None:
        """Asks; what is told stands at the end of `world.heard`."""
        with self.during(world) if self.during else nullcontext():
            world.ask(*self.ask(world))


@contextmanager
def out_of_order(world: World) -> Iterator[None]:
    """A gateway whose log was sealed: it answers nothing."""
    world.gateway.pipeline.seal_log()
    try:
        yield
    finally:
        world.gateway.pipeline.is_sealed = False


@contextmanager
def out_of_order_for_a_while(world: World) -> Iterator[None]:
    """The same, for so long that the state that is remembered for readers is of this time."""
    time.sleep(READY_SECONDS)
    with out_of_order(world):
        yield
    time.sleep(READY_SECONDS)


@contextmanager
def a_check_that_waits(world: World) -> Iterator[None]:
    """An answer of the finance department that waits for its document."""
    check = a_check(WAITS, local_day(NOW).toordinal(), grant=f"2026-{FINANCE.code}-001", partner=FINANCE.code)
    with world.gateway.desk.begin() as work:
        work.checks.put([check])
        work.commit()
    yield


@contextmanager
def three_days_later(world: World) -> Iterator[None]:
    """A register that nobody has synced for three days."""
    world.move_to(NOW + timedelta(days=3))
    try:
        yield
    finally:
        world.move_to(NOW)


def _asked(**changes: object) -> Ask:
    return lambda world: [_question(world, **changes)]


def _question(world: World, **changes: object) -> Asking:
    person = world.plain_person()
    return world.compare(world.body(person, **changes))


def _claimed(*claims: tuple[str, object]) -> Ask:
    return lambda world: [world.question(world.plain_person(), *claims)]


def _raw(body: bytes) -> Ask:
    return lambda world: [world.compare(body)]


def _get(path: str, *, proven: bool = False) -> Ask:
    return lambda world: [Asking(a_scope("GET", path, world.credentials() if proven else ()))]


def _filed(document: str, *, number: str = WAITS, operator: str = FINANCE.operator, proven: bool = True) -> Ask:
    body = json.dumps({"document": document, "operator": operator}).encode()
    path = f"/v1/spot-checks/{number}"
    return lambda world: [Asking(a_scope("POST", path, world.credentials() if proven else ()), (body,))]


def _signed_get(path: str) -> Ask:
    def ask(world: World) -> list[Asking]:
        world.one(_question(world))
        world.sign()
        return [Asking(a_scope("GET", path))]

    return ask


def _with(method: str, path: str) -> Ask:
    return lambda world: [Asking(a_scope(method, path, world.credentials()))]


def _without(header: str) -> Ask:
    def ask(world: World) -> list[Asking]:
        asking = _question(world)
        asking.scope["headers"] = [each for each in asking.scope["headers"] if each[0] != header.encode()]
        return [asking]

    return ask


def _same_key(*, at_once: bool) -> Ask:
    def ask(world: World) -> list[Asking]:
        key = f"same-{next(_numbers)}"
        first = world.question(world.plain_person(), key=key)
        if at_once:
            return [first, first]
        world.one(first)
        return [world.question(world.plain_person(1), key=key)]

    return ask


def _spent(world: World) -> list[Asking]:
    number = world.grant(limits=limits(day=1))
    world.one(world.question(world.plain_person(), grant=number))
    return [world.question(world.plain_person(1), grant=number)]


def _stale(world: World) -> list[Asking]:
    return [_question(world, grant=world.grant(max_data_age_days=1))]


def _beyond_a_right(world: World) -> list[Asking]:
    return [world.question(world.plain_person(), ("person_status", "在职"), ("birth_date", "1990-03-07"))]


def a_form(world: World, **changes: object) -> dict[str, str]:
    """What finance's system posts to the token endpoint; changes are claims of its assertion."""
    keys, now = read_client(world.home.path, FINANCE.client), int(world.home.clock.now().timestamp())
    claims: dict[str, object] = {
        "iss": FINANCE.client,
        "sub": FINANCE.client,
        "aud": ISSUER,
        "iat": now,
        "exp": now + 50,
        "jti": f"assertion-{next(_numbers):016}",
    }
    header = {"alg": "ES256", "kid": jose_key(keys.assertion).thumbprint(), "typ": "client-authentication+jwt"}
    return {
        "grant_type": "client_credentials",
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": signed(header, claims | changes, keys.assertion, "ES256"),
    }


def _token(form: Callable[[World], dict[str, str]], route: str = "/oauth/token") -> Ask:
    def ask(world: World) -> list[Asking]:
        keys = read_client(world.home.path, FINANCE.client)
        headers = [
            ("content-type", "application/x-www-form-urlencoded"),
            *handed_on(world.home, keys.certificate).items(),
        ]
        return [Asking(a_scope("POST", route, headers), (urlencode(form(world)).encode(),))]

    return ask


def a_token_form(world: World, token: str = "", **changes: object) -> dict[str, str]:
    """What finance's system posts about a token: one of its own that works, unless the test names another."""
    return a_form(world, **changes) | {"token": token or _own_token(world)}


def a_strange_token(world: World) -> dict[str, str]:
    """What is no token."""
    return a_token_form(world, CANARY)


def a_late_token(world: World) -> dict[str, str]:
    """With an assertion that has expired."""
    return a_token_form(world, exp=1)


def _own_token(world: World) -> str:
    keys = read_client(world.home.path, FINANCE.client)
    mint = TokenMint(key=read_p256(world.home.keys / "serve" / "token.pem", None), issuer=ISSUER, audience=ISSUER)
    return mint.mint(FINANCE.client, keys.thumbprint(), f"own-{next(_numbers):016}", world.home.clock.now())


_TOO_MANY = [("post", CANARY)] * (MAX_CLAIMS + 1)
ROWS = (
    Row("a match", COMPARISONS, 200, _claimed(("person_status", "在职"))),
    Row("a mismatch", COMPARISONS, 200, _claimed(("unit", CANARY), ("person_status", "退休"))),
    Row("nobody of that number", COMPARISONS, 200, _asked(id="110101199003077571")),
    Row("another name", COMPARISONS, 200, _asked(name=CANARY)),
    Row("a field beyond the right", COMPARISONS, 200, _beyond_a_right),
    Row("not JSON", COMPARISONS, 400, _raw(CANARY.encode())),
    Row("half a surrogate pair", COMPARISONS, 400, _raw(b'{"grant":"\\ud800"}')),
    Row("NaN", COMPARISONS, 400, _raw(b'{"grant":NaN}')),
    Row("a member twice", COMPARISONS, 400, _raw(b'{"grant":"1","grant":"1"}')),
    Row("no key", COMPARISONS, 400, _without("idempotency-key")),
    Row("no token", COMPARISONS, 401, _without("authorization")),
    Row("no certificate", COMPARISONS, 401, _without("client-cert")),
    Row("no such grant", COMPARISONS, 403, _asked(grant="2026-none-001")),
    Row("another purpose", COMPARISONS, 403, _asked(purpose="cadre-review")),
    Row("an unknown operator", COMPARISONS, 403, _asked(operator="nobody-01")),
    Row("somebody else's grant", COMPARISONS, 403, _asked(grant=f"2026-{DEPARTMENTS[1].code}-001")),
    Row("a spent quota", COMPARISONS, 403, _spent),
    Row("stale data", COMPARISONS, 403, _stale, three_days_later),
    Row("a key that is still running", COMPARISONS, 409, _same_key(at_once=True)),
    Row("5 MB", COMPARISONS, 413, _raw(b'{"grant":"' + b"x" * 5_000_000 + b'"}')),
    Row("an unknown member", COMPARISONS, 422, _asked(extra=CANARY)),
    Row("an unknown field", COMPARISONS, 422, _claimed((CANARY, CANARY))),
    Row("a check digit that is wrong", COMPARISONS, 422, _asked(id="110101199003077572")),
    Row("no claims", COMPARISONS, 422, _asked(claims=[])),
    Row("500 claims", COMPARISONS, 422, _claimed(*_TOO_MANY)),
    Row("a claim of 10,000 characters", COMPARISONS, 422, _claimed(("unit", CANARY * 1_700))),
    Row("no name", COMPARISONS, 422, _asked(name=None)),
    Row("no such day", COMPARISONS, 422, _asked(as_of="2026-02-30")),
    Row("a key with another body", COMPARISONS, 422, _same_key(at_once=False)),
    Row("out of order", COMPARISONS, 503, _asked(), out_of_order),
    Row("another method", COMPARISONS, 405, _with("DELETE", COMPARISONS)),
    Row("my grants", "/v1/catalogue", 200, _get("/v1/catalogue", proven=True)),
    Row("no token", "/v1/catalogue", 401, _get("/v1/catalogue")),
    Row("another method", "/v1/catalogue", 405, _with("POST", "/v1/catalogue")),
    Row("a token", "/oauth/token", 200, _token(a_form)),
    Row("an expired assertion", "/oauth/token", 401, _token(lambda world: a_form(world, exp=1))),
    Row("another grant type", "/oauth/token", 400, _token(lambda world: a_form(world) | {"grant_type": CANARY})),
    Row("no form", "/oauth/token", 400, _token(lambda _: {})),
    Row("a token that is ended", "/oauth/revoke", 200, _token(a_token_form, "/oauth/revoke")),
    Row("what is no token", "/oauth/revoke", 200, _token(a_strange_token, "/oauth/revoke")),
    Row("no token named", "/oauth/revoke", 400, _token(a_form, "/oauth/revoke")),
    Row("an expired assertion", "/oauth/revoke", 401, _token(a_late_token, "/oauth/revoke")),
    Row("a token that is told of", "/oauth/introspect", 200, _token(a_token_form, "/oauth/introspect")),
    Row(
        "what is no token",
        "/oauth/introspect",
        200,
        _token(a_strange_token, "/oauth/introspect"),
    ),
    Row("no token named", "/oauth/introspect", 400, _token(a_form, "/oauth/introspect")),
    Row(
        "an expired assertion",
        "/oauth/introspect",
        401,
        _token(a_late_token, "/oauth/introspect"),
    ),
    Row("the keys", "/oauth/jwks", 200, _get("/oauth/jwks")),
    Row("the server", "/.well-known/oauth-authorization-server", 200, _get("/.well-known/oauth-authorization-server")),
    Row("the last checkpoint", "/v1/log/checkpoint", 200, _signed_get("/v1/log/checkpoint")),
    Row("a proof", "/v1/log/proofs/inclusion", 200, _signed_get("/v1/log/proofs/inclusion?index=0")),
    Row("no number", "/v1/log/proofs/inclusion", 422, _signed_get(f"/v1/log/proofs/inclusion?index=x{'9' * 17}")),
    Row("no such entry", "/v1/log/proofs/inclusion", 422, _signed_get("/v1/log/proofs/inclusion?index=999999999")),
    Row("a proof", "/v1/log/proofs/consistency", 200, _signed_get("/v1/log/proofs/consistency?old=1")),
    Row("no such tree", "/v1/log/proofs/consistency", 422, _signed_get("/v1/log/proofs/consistency?old=999999999")),
    Row("whom to trust", "/v1/log/trust", 200, _get("/v1/log/trust")),
    Row("a tile beyond the tree", "/v1/log/tile/{path}", 404, _signed_get("/v1/log/tile/0/999")),
    Row("nobody's receipt", "/v1/receipts/{index}/proof", 401, _get("/v1/receipts/0/proof")),
    Row("what is no receipt of theirs", "/v1/receipts/{index}/proof", 404, _get("/v1/receipts/0/proof", proven=True)),
    Row("nobody's statement", "/v1/statements", 401, _get("/v1/statements?day=2026-11-30")),
    Row("no day", "/v1/statements", 422, _get("/v1/statements?day=110101199003077571", proven=True)),
    Row("nobody's entries", "/v1/statements/entries", 401, _get("/v1/statements/entries?day=2026-11-30")),
    Row("asked, not told", "/v1/statements/disputes", 405, _with("GET", "/v1/statements/disputes")),
    Row("nobody's checks", "/v1/spot-checks", 401, _get("/v1/spot-checks")),
    Row("their checks", "/v1/spot-checks", 200, _get("/v1/spot-checks", proven=True), a_check_that_waits),
    Row("nobody's document", "/v1/spot-checks/{number}", 401, _filed(FORM, proven=False)),
    Row("a document", "/v1/spot-checks/{number}", 200, _filed(FORM), a_check_that_waits),
    Row("no such check", "/v1/spot-checks/{number}", 404, _filed(FORM, number="0" * 16)),
    Row(
        "somebody's number", "/v1/spot-checks/{number}", 422, _filed(f"{CANARY} 110101199003077571"), a_check_that_waits
    ),
    Row("far too long", "/v1/spot-checks/{number}", 413, _filed(CANARY * 1000)),
    Row("another operator", "/v1/spot-checks/{number}", 422, _filed(FORM, operator=CANARY), a_check_that_waits),
    Row("no witness yet", "/v1/witness/{origin}/checkpoint", 404, _get(f"/v1/witness/{'0' * 64}/checkpoint")),
    Row("asked, not told", "/v1/witness/add-checkpoint", 405, _with("GET", "/v1/witness/add-checkpoint")),
    Row("alive", "/healthz", 200, _get("/healthz")),
    Row("ready", "/readyz", 200, _get("/readyz")),
    Row("not ready", "/readyz", 503, _get("/readyz"), out_of_order_for_a_while),
    Row("the description", "/openapi.json", 200, _get("/openapi.json")),
    Row("no such path", "/v1/nothing", 404, _get("/v1/nothing")),
    Row("a slash too many", "/v1/catalogue/", 404, _get("/v1/catalogue/?id=110101199003077571", proven=True)),
)
