"""The identity provider: who is believed to have come back, over real HTTP on loopback."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from joserfc.jwk import ECKey

from adapters.identity.oidc import OidcProvider, OidcSettings
from gateway.domain.errors import UnavailableError
from tests.adapters.make_oidc import CALLBACK, CLIENT, CLIENT_SECRET, LoopbackProvider, loopback_provider
from tests.make import NOW

STATE, NONCE, VERIFIER = "state", "n" * 43, "v" * 43


@pytest.fixture
def there() -> Iterator[LoopbackProvider]:
    with loopback_provider() as provider:
        yield provider


def asking(there: LoopbackProvider, ticks: Callable[[], float] = lambda: 0.0, **changes: str) -> OidcProvider:
    usual = {
        "issuer": there.issuer,
        "client_id": CLIENT,
        "client_secret": CLIENT_SECRET,
        "redirect_uri": CALLBACK,
    }
    return OidcProvider(OidcSettings(**(usual | changes)), ticks)


def come_back(there: LoopbackProvider, here: OidcProvider, nonce: str = NONCE, verifier: str = VERIFIER) -> str:
    brought = there.authorize(here.address(STATE, NONCE, VERIFIER))
    return here.subject(brought["code"], nonce, verifier, NOW)


def test_a_person_goes_there_and_comes_back_as_who_they_are(there: LoopbackProvider) -> None:
    here = asking(there)
    address = urlsplit(here.address(STATE, NONCE, VERIFIER))

    asked = parse_qs(address.query)
    assert f"{address.scheme}://{address.netloc}{address.path}" == f"{there.issuer}/authorize"
    assert (asked["state"], asked["nonce"], asked["code_challenge_method"]) == ([STATE], [NONCE], ["S256"])
    assert VERIFIER not in address.query
    assert come_back(there, here) == "subject-7"


def test_its_description_and_keys_are_asked_for_once(there: LoopbackProvider) -> None:
    here = asking(there)
    for _ in range(3):
        assert come_back(there, here)

    assert sorted(set(there.asked)) == ["/.well-known/openid-configuration", "/keys", "/token"]
    assert there.asked.count("/.well-known/openid-configuration") == there.asked.count("/keys") == 1


def test_a_new_key_of_the_provider_is_learned_but_not_asked_for_all_the_time(there: LoopbackProvider) -> None:
    now = [0.0]
    here = asking(there, lambda: now[0])
    assert come_back(there, here)
    there.key = ECKey.generate_key("P-256", {"kid": "one"})

    assert come_back(there, here) == ""
    now[0] = 61.0
    assert come_back(there, here) == "subject-7"


WRONG: dict[str, dict[str, object]] = {
    "another issuer": {"iss": "https://evil.example"},
    "no issuer": {"iss": None},
    "another audience": {"aud": "somebody"},
    "no audience": {"aud": None},
    "two audiences and no party": {"aud": [CLIENT, "somebody"]},
    "another party": {"azp": "somebody"},
    "no subject": {"sub": None},
    "an empty subject": {"sub": ""},
    "a subject that is no text": {"sub": ["subject-7"]},
    "a very long subject": {"sub": "s" * 256},
    "another nonce": {"nonce": "x" * 43},
    "no nonce": {"nonce": None},
    "too old": {"exp": int(NOW.timestamp()) - 61},
    "no end": {"exp": None},
    "issued long ago": {"iat": int(NOW.timestamp()) - 700},
    "issued in the future": {"iat": int(NOW.timestamp()) + 120},
    "no time of issue": {"iat": None},
    "another access token": {"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"},
}


@pytest.mark.parametrize("claims", WRONG.values(), ids=WRONG)
def test_which_id_tokens_are_not_believed(there: LoopbackProvider, claims: dict[str, object]) -> None:
    here = asking(there)
    there.claims = claims

    assert come_back(there, here) == ""


@pytest.mark.parametrize("algorithm", ["none", "HS256"])
def test_which_algorithms_are_not_believed(there: LoopbackProvider, algorithm: str) -> None:
    here = asking(there)
    there.algorithm = algorithm

    assert come_back(there, here) == ""


def test_a_token_by_another_key_is_not_believed(there: LoopbackProvider) -> None:
    here = asking(there)
    assert come_back(there, here)
    there.key = ECKey.generate_key("P-256", {"kid": "one"})

    assert come_back(there, here) == ""


def test_a_code_is_for_whoever_was_sent(there: LoopbackProvider) -> None:
    here = asking(there)

    assert come_back(there, here, verifier="w" * 43) == ""
    assert come_back(there, here, nonce="m" * 43) == ""
    assert here.subject("made up", NONCE, VERIFIER, NOW) == ""
    assert come_back(there, asking(there, client_secret="another")) == ""


def test_the_provider_names_itself_where_it_says_it_does(there: LoopbackProvider) -> None:
    strict = asking(there)
    assert strict.is_from(there.issuer)
    assert not strict.is_from(None)
    assert not strict.is_from("https://evil.example")

    there.description = {"authorization_response_iss_parameter_supported": None}
    lenient = asking(there)
    assert lenient.is_from(None)
    assert lenient.is_from(there.issuer)
    assert not lenient.is_from("https://evil.example")


BROKEN: dict[str, dict[str, object]] = {
    "another issuer": {"issuer": "https://evil.example"},
    "no token endpoint": {"token_endpoint": None},
    "keys without TLS": {"jwks_uri": "http://keys.example/keys"},
    "an endpoint that is no address": {"authorization_endpoint": 7},
}


@pytest.mark.parametrize("description", BROKEN.values(), ids=BROKEN)
def test_a_provider_that_describes_something_else_is_out_of_order(
    there: LoopbackProvider, description: dict[str, object]
) -> None:
    there.description = description

    with pytest.raises(UnavailableError):
        asking(there).address(STATE, NONCE, VERIFIER)


def test_a_provider_that_does_not_answer_is_out_of_order(there: LoopbackProvider) -> None:
    here = asking(there)
    brought = there.authorize(here.address(STATE, NONCE, VERIFIER))
    there.status = 500

    with pytest.raises(UnavailableError):
        here.subject(brought["code"], NONCE, VERIFIER, NOW + timedelta(seconds=1))
    with pytest.raises(UnavailableError):
        asking(there).address(STATE, NONCE, VERIFIER)


@pytest.mark.parametrize("url", ["http://id.example", "ftp://id.example", "https://", "id.example", ""])
def test_only_this_machine_is_asked_without_tls(url: str) -> None:
    with pytest.raises(ValueError, match="https"):
        OidcSettings(issuer=url, client_id=CLIENT, client_secret=CLIENT_SECRET, redirect_uri=CALLBACK)
    with pytest.raises(ValueError, match="https"):
        OidcSettings(issuer="https://id.example", client_id=CLIENT, client_secret=CLIENT_SECRET, redirect_uri=url)


def test_the_clients_secret_shows_nowhere(there: LoopbackProvider) -> None:
    settings = OidcSettings(issuer=there.issuer, client_id=CLIENT, client_secret=CLIENT_SECRET, redirect_uri=CALLBACK)

    assert CLIENT_SECRET not in repr(settings)
