"""The structures of the API as JSON schemas. Answers are closed: every code is listed, and no member may be added."""

from __future__ import annotations

from typing import cast

import msgspec

from gateway.api.catalogue import STATES, CatalogueView
from gateway.api.describing import COUNT, FLAG, SHA256, TEXT, Json, closed
from gateway.api.problems import TITLES, Problem
from gateway.api.spot_checks import FilingBody
from gateway.api.statements import DisputeBody
from gateway.domain.answer import FieldCode, SubjectCode
from gateway.domain.query import MAX_CLAIMS, QueryBody
from gateway.domain.spot_check import LONGEST_DOCUMENT, SHORTEST_DOCUMENT
from gateway.statements.desk import MOST_DISPUTED
from policies.catalogue import Catalogue, Comparator
from policies.decision import Reason

_HASHES: Json = {"type": "array", "items": {"type": "string", "pattern": "^[A-Za-z0-9+/]{43}=$"}}
TOKEN_ERRORS = (
    "invalid_request",
    "unsupported_grant_type",
    "invalid_scope",
    "invalid_client",
    "invalid_dpop_proof",
    "use_dpop_nonce",
)


def components(catalogue: Catalogue) -> Json:
    """Every structure by its name, for this catalogue."""
    bodies = [QueryBody, Problem, CatalogueView, DisputeBody, FilingBody]
    _, schemas = msgspec.json.schema_components(bodies, ref_template="#/components/schemas/{name}")
    found = cast("dict[str, Json]", schemas)
    for component in found.values():
        component["additionalProperties"] = False
    for (name, member), told in _narrowed(catalogue).items():
        cast("dict[str, Json]", found[name]["properties"])[member] |= told
    texts = closed({"index": COUNT, "size": COUNT, "hashes": _HASHES})
    cast("Json", texts["properties"])["tlog_proof"] = {"type": "string"}
    return {
        **found,
        "Answer": _answer(catalogue),
        "Receipt": _receipt(),
        "Inclusion": texts,
        "Consistency": closed({"old": COUNT, "size": COUNT, "hashes": _HASHES}),
        "Token": closed({"access_token": TEXT, "token_type": {"enum": ["Bearer", "DPoP"]}, "expires_in": COUNT}),
        "Revoked": closed({}),
        "Introspection": {"oneOf": [closed({"active": {"const": False}}), _active_token()]},
        "TokenError": closed({"error": {"enum": list(TOKEN_ERRORS)}}),
        "Alive": closed({"status": {"const": "ok"}}),
        "Ready": closed({"ready": FLAG, "checks": {"type": "object", "additionalProperties": FLAG}}),
    }


def _active_token() -> Json:
    """What is told of a token that works: its own claims (RFC 9068), and what it is bound to."""
    claims: Json = dict.fromkeys(("iss", "sub", "aud", "client_id", "jti"), TEXT)
    bound: Json = {"oneOf": [closed({"jkt": TEXT}), closed({"x5t#S256": TEXT})]}
    kind: Json = {"enum": ["Bearer", "DPoP"]}
    return closed({"active": {"const": True}, "token_type": kind, **claims, "iat": COUNT, "exp": COUNT, "cnf": bound})


def _narrowed(catalogue: Catalogue) -> dict[tuple[str, str], Json]:
    """What a member of a structure may be, where its Python type says less."""
    word: Json = {"minLength": 1, "maxLength": 64}
    comparators: Json = {"enum": [each.value for each in Comparator]}
    kinds: Json = {"enum": list(catalogue.kinds)}
    date: Json = {"format": "date"}
    return {
        ("QueryBody", "claims"): {"minItems": 1, "maxItems": MAX_CLAIMS},
        **{("QueryBody", name): word for name in ("grant", "purpose", "operator", "matter")},
        ("QueryBody", "as_of"): {"pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"},
        ("ClaimBody", "field"): {"enum": sorted(catalogue.fields)},
        ("ClaimBody", "comparator"): comparators,
        ("SubjectBody", "kind"): kinds,
        ("DisputeBody", "day"): date,
        **{("DisputeBody", name): {"items": COUNT, "maxItems": MOST_DISPUTED} for name in ("unknown", "missing")},
        ("FilingBody", "document"): {"minLength": SHORTEST_DOCUMENT, "maxLength": LONGEST_DOCUMENT},
        ("FilingBody", "operator"): word,
        ("FilingBody", "sha256"): {"pattern": "^([0-9a-f]{64})?$"},
        ("Problem", "type"): {"enum": [f"urn:bidui:problem:{kind}" for kind in TITLES]},
        ("Problem", "title"): {"enum": list(TITLES.values())},
        ("Problem", "reason"): {"enum": ["", *(reason.value for reason in Reason)]},
        ("Problem", "incident"): {"pattern": "^([0-9a-f]{16})?$"},
        ("FieldView", "key"): {"enum": sorted(catalogue.fields)},
        ("FieldView", "kind"): kinds,
        ("FieldView", "comparators"): {"items": comparators},
        ("GrantView", "fields"): {"items": {"enum": sorted(catalogue.fields)}},
        ("GrantView", "state"): {"enum": list(STATES)},
        ("GrantView", "valid_from"): date,
        ("GrantView", "valid_until"): date,
    }


def _answer(catalogue: Catalogue) -> Json:
    codes = {"enum": [code.value for code in FieldCode]}
    return closed(
        {
            "subject": {"enum": [code.value for code in SubjectCode]},
            "fields": {
                "type": "object",
                "propertyNames": {"enum": sorted(catalogue.fields)},
                "additionalProperties": codes,
            },
            "as_of": {"type": "string", "format": "date"},
            "data": closed({"time": {"type": "string", "format": "date-time"}, "version": SHA256}),
            "receipt": {"$ref": "#/components/schemas/Receipt"},
        }
    )


def _receipt() -> Json:
    body = closed(
        {
            "data": closed({"time": {"type": "string"}, "version": SHA256}),
            "index": COUNT,
            "leaf": SHA256,
            "origin": {"type": "string"},
            "policy": closed({"number": COUNT, "sha256": SHA256}),
            "request_sha256": SHA256,
            "response_sha256": SHA256,
            "time": {"type": "string"},
            "v": {"const": 1},
        }
    )
    path = closed(
        {
            "at": COUNT,
            "first": COUNT,
            "hashes": {"type": "array", "items": {"type": "string"}},
            "size": {"type": "integer", "minimum": 1},
        }
    )
    text = {"type": "string"}
    return closed({"body": body, "path": path, "salt": text, "signature": text, "type": {"const": "bidui-receipt/1"}})
