"""What the doors of accounts and people answer."""

from __future__ import annotations

from typing import Final

from gateway.accounts.values import Level
from gateway.api.describing import BYTES, COUNT, INSTANT, TEXT, Json, closed, listed, maybe, named, one_of
from gateway.domain.people import DUTY_ZH, Duty, KeyForm

_PERSON: Final[Json] = {"id": TEXT, "name": TEXT, "duty": one_of(DUTY_ZH), "partner": maybe(TEXT)}
_CREDENTIALS: Final[Json] = listed(
    {
        "type": "object",
        "properties": {"id": BYTES, "type": {"const": "public-key"}, "transports": listed(TEXT)},
        "required": ["id", "type"],
        "additionalProperties": False,
    }
)
_VERIFICATION: Final[Json] = {"const": "required"}


def of_people() -> Json:
    """Every structure by its name."""
    return {
        **_accounts(),
        **_authenticators(),
        "OfficePerson": closed(_PERSON),
        "OfficePeople": closed({"people": listed(_told())}),
        "OfficePersonContent": _content(),
        "OfficeInvitation": closed({"id": TEXT, "code": TEXT}),
        "OfficeAddress": closed({"address": {"type": "string", "format": "uri"}}),
    }


def _accounts() -> Json:
    return {
        "OfficeSession": closed(
            {"person": named("OfficePerson"), "level": one_of(Level), "fresh_until": INSTANT, "token": BYTES}
        ),
        "OfficeRecoveryCodes": closed({"recovery_codes": listed(TEXT)}),
        "OfficeKeyBegun": closed({"challenge": BYTES, "creation": maybe(named("OfficeCreation"))}),
        "OfficeKey": closed({"fingerprint": TEXT}),
        "OfficeBegun": closed(
            {
                "person": named("OfficePerson"),
                "challenge": BYTES,
                "totp": closed({"secret": TEXT, "uri": {"type": "string", "format": "uri"}}),
                "creation": maybe(named("OfficeCreation")),
            }
        ),
        "OfficeEnrolled": closed(
            {"person": named("OfficePerson"), "recovery_codes": listed(TEXT), "fingerprint": TEXT}
        ),
    }


def _authenticators() -> Json:
    """Options of W3C Web Authentication (level 3), as `parseRequestOptionsFromJSON` and its sister read them."""
    requested = {
        "challenge": BYTES,
        "timeout": COUNT,
        "rpId": TEXT,
        "allowCredentials": _CREDENTIALS,
        "userVerification": _VERIFICATION,
    }
    return {"OfficeOptions": closed({"options": closed(requested)}), "OfficeCreation": _creation()}


def _creation() -> Json:
    selection = {"residentKey": TEXT, "requireResidentKey": {"const": False}, "userVerification": _VERIFICATION}
    return closed(
        {
            "rp": closed({"id": TEXT, "name": TEXT}),
            "user": closed({"id": BYTES, "name": TEXT, "displayName": TEXT}),
            "challenge": BYTES,
            "pubKeyCredParams": listed(closed({"type": {"const": "public-key"}, "alg": {"const": -7}})),
            "timeout": COUNT,
            "excludeCredentials": _CREDENTIALS,
            "authenticatorSelection": closed(selection),
            "attestation": {"const": "none"},
        }
    )


def _told() -> Json:
    """Somebody in a list: `content` is what their deed says, or would say."""
    return closed({**_PERSON, "fingerprints": listed(TEXT), "content": named("OfficePersonContent")})


def _content() -> Json:
    key = {"kid": TEXT, "form": one_of(KeyForm), "public": BYTES, "rp_id": TEXT, "origin": TEXT}
    return closed(
        {
            "name": TEXT,
            "duty": one_of(Duty),
            "partner": maybe(TEXT),
            "natural": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
            "keys": listed(closed(key)),
            "active": {"type": "boolean"},
        }
    )
