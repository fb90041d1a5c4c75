"""Ending a token, and asking what one is: for the client that holds it, and at every node."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import pytest

from adapters.identity.assertion import make_assertion
from adapters.identity.clients import ASSERTION_TYPE, ClientDesk
from adapters.identity.replay import MemoryReplayStore
from adapters.identity.revocation import Reply, TokenKeeper
from tests.adapters.make_identity import (
    ADDRESS,
    AT,
    BOTH_CLIENT,
    DPOP_CLIENT,
    EC_PRINT,
    ISSUER,
    JTI,
    NOW,
    OTHER_PRINT,
    RSA_PRINT,
    Kept,
    StandingClock,
    a_door,
    a_mint,
    a_registry,
    ec_key,
    fresh_jti,
    jkt_of,
    partner_data,
    tax_data,
)

MINE = a_mint().mint("hr-payroll", EC_PRINT, JTI, AT)


class Node:
    """A gateway node: a door, and what clients may do with their tokens at it."""

    def __init__(self, store: Kept | None = None) -> None:
        registry = a_registry(partner_data(), tax_data())
        self.clock, self.door, self.store = StandingClock(), a_door(registry=registry), store or Kept()
        replays = MemoryReplayStore(clock=self.clock)
        clients = ClientDesk(issuer=ISSUER, registry=registry, replays=replays)
        self.keeper = TokenKeeper(clients=clients, door=self.door, revoked=self.store, clock=self.clock)

    def revoke(self, token: str, client: str = "client", shown: str | None = EC_PRINT, **changes: str) -> Reply:
        return self.keeper.revoke(self._form(token, client, changes), shown, ADDRESS)

    def introspect(self, token: str, client: str = "client", shown: str | None = EC_PRINT, **changes: str) -> Reply:
        return self.keeper.introspect(self._form(token, client, changes), shown, ADDRESS)

    def knows(self, token: str = MINE) -> bool:
        return self.door.caller(token, EC_PRINT, ADDRESS, self.clock.now()) is not None

    def _form(self, token: str, client: str, changes: Mapping[str, str]) -> list[tuple[str, str]]:
        name = "hr-payroll" if client == "client" else client
        form = {
            "token": token,
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": make_assertion(ec_key(client), name, ISSUER, self.clock.now(), fresh_jti()),
        }
        return list({**form, **changes}.items())


def test_a_token_its_client_ended_works_no_more_at_any_node() -> None:
    node = Node()
    other = Node(node.store)
    assert node.knows()
    assert other.knows()

    assert node.revoke(MINE) == (200, {})

    assert not node.knows()
    other.keeper.refresh()
    assert not other.knows()
    restarted = Node(node.store)
    restarted.keeper.refresh()
    assert not restarted.knows()
    assert node.revoke(MINE) == (200, {})
    assert restarted.knows(a_mint().mint("hr-payroll", EC_PRINT, "another-jti-of-length", AT))


NO_TOKENS = {
    "a text": "x",
    "a token of another system": a_mint().mint("hr-social", RSA_PRINT, JTI, AT),
    "a token that ended": a_mint().mint("hr-payroll", EC_PRINT, JTI, AT - timedelta(seconds=301)),
    "a token of another gateway": a_mint(ec_key("other")).mint("hr-payroll", EC_PRINT, JTI, AT),
    "a token of somebody gone": a_mint().mint("gone", OTHER_PRINT, JTI, AT),
    "1 MB": "A" * 1_000_000,
    "an assertion": make_assertion(ec_key("client"), "hr-payroll", ISSUER, AT, JTI),
}


@pytest.mark.parametrize("case", NO_TOKENS)
def test_of_what_is_no_token_of_its_own_a_client_learns_nothing(case: str) -> None:
    node = Node()

    assert node.introspect(NO_TOKENS[case]) == (200, {"active": False})
    assert node.revoke(NO_TOKENS[case]) == (200, {})
    assert node.store.revoked == {}


def test_a_client_is_told_what_its_token_says_while_it_works() -> None:
    node, by_key = Node(), a_mint().mint(DPOP_CLIENT, f"jkt:{jkt_of()}", JTI, AT)

    status, told = node.introspect(MINE)
    assert (status, told["active"], told["token_type"], told["client_id"]) == (200, True, "Bearer", "hr-payroll")
    assert (told["exp"], told["cnf"]) == (NOW + 300, {"x5t#S256": EC_PRINT})
    assert node.introspect(by_key, DPOP_CLIENT, None)[1]["token_type"] == "DPoP"
    node.revoke(MINE)
    assert node.introspect(MINE) == (200, {"active": False})


UNPROVEN: Mapping[str, tuple[str, str | None, dict[str, str]]] = {
    "no certificate": ("client", None, {}),
    "another's certificate": ("client", RSA_PRINT, {}),
    "nobody's certificate": ("client", OTHER_PRINT, {}),
    "nobody": ("nobody", None, {}),
    "another's name": ("client", EC_PRINT, {"client_id": BOTH_CLIENT}),
    "a secret": ("client", EC_PRINT, {"client_secret": "x"}),
    "no assertion": ("client", EC_PRINT, {"client_assertion": ""}),
    "another kind of assertion": ("client", EC_PRINT, {"client_assertion_type": "password"}),
}


@pytest.mark.parametrize("case", UNPROVEN)
def test_who_does_not_prove_who_it_is_does_nothing(case: str) -> None:
    client, shown, changes = UNPROVEN[case]
    node = Node()

    assert node.revoke(MINE, client, shown, **changes) == (401, {"error": "invalid_client"})
    assert node.introspect(MINE, client, shown, **changes) == (401, {"error": "invalid_client"})
    assert node.knows()


def test_an_assertion_works_once_here_too() -> None:
    node = Node()
    assertion = make_assertion(ec_key("client"), "hr-payroll", ISSUER, AT, JTI)

    assert node.introspect(MINE, client_assertion=assertion)[0] == 200
    assert node.revoke(MINE, client_assertion=assertion) == (401, {"error": "invalid_client"})
    assert node.knows()


@pytest.mark.parametrize("form", [[], [("token", "")], [("token", "a"), ("token", "b")]])
def test_a_form_without_one_token_is_an_invalid_request(form: list[tuple[str, str]]) -> None:
    assert Node().keeper.revoke(form, EC_PRINT, ADDRESS) == (400, {"error": "invalid_request"})
