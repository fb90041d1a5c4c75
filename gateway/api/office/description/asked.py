"""What the bodies of the office's doors hold, from the structures that read them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, cast

import msgspec

from gateway.accounts.signing_in import SIGN_IN, STEP_UP
from gateway.api.describing import BYTES, DAY, INSTANT, SHA256, Json, one_of
from gateway.api.office.description.doors import DOORS
from gateway.api.office.spot_checks import VERDICTS
from gateway.api.office.trail_bodies import MAX_INDEX
from gateway.api.office.webauthn import SIGN
from gateway.deeds.document import MAX_ID, Kind
from gateway.deeds.signature import MAX_DEEDS
from gateway.domain.document_names import LONGEST_REASON as LONGEST_VERDICT
from gateway.domain.people import Duty
from gateway.domain.query import MAX_CLAIMS
from gateway.drafting import LONGEST_REASON
from gateway.review.rehearsal import MAX_DAYS
from gateway.statements.desk import LONGEST_FINDING
from gateway.trail.asking import MAX_ALTERNATIVES, MAX_LIMIT
from gateway.trail.words import MEMBERS
from policies.catalogue import Comparator

_PREFIX: Final = "Office"
_WORD: Final[Json] = {"minLength": 1, "maxLength": 64}
_SHORT: Final[Json] = {"maxLength": 64}
_PASSWORD: Final[Json] = {"minLength": 1, "maxLength": 256}
_REASON: Final[Json] = {"maxLength": LONGEST_REASON}
_BYTES_OR_NONE: Final[Json] = {"pattern": "^[A-Za-z0-9_-]*$"}
_DIGESTS: Final[Json] = {"items": SHA256, "minItems": 1, "maxItems": MAX_DEEDS}
_NARROWED: Final[Mapping[str, Mapping[str, Json]]] = {
    "SecondBody": {"totp": {"pattern": "^([0-9]{6})?$"}, "recovery_code": _SHORT},
    "SignInBody": {"account": _WORD, "password": _PASSWORD},
    "PasswordBody": {"old": _PASSWORD, "new": _PASSWORD},
    "BeginBody": {"code": _WORD},
    "KeyBody": {"public": _BYTES_OR_NONE, "signature": _BYTES_OR_NONE},
    "FinishBody": {"code": _WORD, "challenge": BYTES, "password": _PASSWORD, "totp": _WORD},
    "NewKeyBody": {"challenge": BYTES},
    "OptionsBody": {"use": one_of([SIGN_IN, STEP_UP, SIGN]), "account": _SHORT, "challenge": _BYTES_OR_NONE},
    "InvitationBody": {"duty": one_of(Duty)},
    "DrawBody": {"kind": one_of(Kind), "id": {"minLength": 1, "maxLength": MAX_ID}, "reason": _REASON},
    "NarrowBody": {"reason": _REASON},
    "RefusalBody": {"reason": {"minLength": 1} | _REASON},
    "StatementBody": {"deeds": _DIGESTS, "kid": _WORD},
    "SignatureBody": {
        "at": INSTANT,
        "deeds": _DIGESTS,
        "proof": BYTES,
        "authenticator_data": _BYTES_OR_NONE,
        "client_data": _BYTES_OR_NONE,
    },
    "PointBody": {"kind": one_of(["person", "organisation", "operator"]), "id": _WORD},
    "ClaimBody": {"comparator": one_of(Comparator)},
    "ExplainBody": {
        "claims": {"minItems": 1, "maxItems": MAX_CLAIMS},
        **dict.fromkeys(("client", "purpose", "address", "operator"), _SHORT),
        "grant": {"anyOf": [{"type": "string", **_SHORT}, {"type": "null"}]},
        "as_of": {"anyOf": [DAY, {"type": "null"}]},
        "at": {"anyOf": [INSTANT, {"type": "null"}]},
    },
    "TrailFilterBody": {
        **{f"{name}s": {"items": {"type": "string", **_WORD}, "maxItems": MAX_ALTERNATIVES} for name in MEMBERS},
        "since": {"anyOf": [INSTANT, {"const": ""}]},
        "until": {"anyOf": [INSTANT, {"const": ""}]},
    },
    "SearchBody": {
        **dict.fromkeys(("operator", "matter", "because"), _SHORT),
        "before": {"anyOf": [{"type": "integer", "minimum": 0, "maximum": MAX_INDEX}, {"type": "null"}]},
        "limit": {"minimum": 1, "maximum": MAX_LIMIT},
    },
    "ViewBody": {"name": {**_WORD, "pattern": "^[^/]+$"}},
    "AccessBody": {"id": {"maxLength": 64}, "matter": _WORD},
    "SettleBody": {"finding": {"minLength": 1, "maxLength": LONGEST_FINDING}},
    "JudgeBody": {
        "verdict": one_of(VERDICTS),
        "reason": {"minLength": 1, "maxLength": LONGEST_VERDICT},
        "filing_sha256": SHA256,
    },
    "RehearsalBody": {"days": {"minimum": 1, "maximum": MAX_DAYS}, "digest": {"pattern": "^([0-9a-f]{64})?$"}},
}
"""What a member of a body may be, where its Python type says less."""


def name_of(body: type[msgspec.Struct]) -> str:
    """What the structure is called in the description."""
    return _PREFIX + body.__name__


def asked() -> Json:
    """Every structure that a door reads, by its name. Their words are for whoever reads the code."""
    bodies = list(dict.fromkeys(door.body for door in DOORS if door.body))
    template = f"#/components/schemas/{_PREFIX}{{name}}"
    _, found = msgspec.json.schema_components(bodies, schema_hook=_anything, ref_template=template)
    return {_PREFIX + name: _narrow(name, component) for name, component in found.items()}


def _narrow(name: str, component: Json) -> Json:
    members = cast("dict[str, Json]", component["properties"])
    for member, told in _NARROWED.get(name, {}).items():
        members[member] |= told
    return {key: value for key, value in component.items() if key not in {"title", "description"}}


def _anything(kind: type) -> Json:
    """Of JSON that is read elsewhere, such as the content of a deed."""
    if kind is object:
        return {"description": "JSON"}
    raise NotImplementedError
