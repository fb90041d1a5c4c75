"""Parts of which the description of the API is made, for every door alike."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import TypeAlias

Json: TypeAlias = dict[str, object]
TEXT: Json = {"type": "string"}
FLAG: Json = {"type": "boolean"}
COUNT: Json = {"type": "integer", "minimum": 0}
SHA256: Json = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
BYTES: Json = {"type": "string", "pattern": "^[A-Za-z0-9_-]+$"}
"""Base64url without padding."""
DAY: Json = {"type": "string", "format": "date"}
INSTANT: Json = {"type": "string", "format": "date-time"}


def closed(properties: Mapping[str, object]) -> Json:
    """An object of exactly these members."""
    return {
        "type": "object",
        "properties": dict(properties),
        "required": sorted(properties),
        "additionalProperties": False,
    }


def listed(items: Json) -> Json:
    return {"type": "array", "items": items}


def one_of(names: type[StrEnum] | Iterable[str]) -> Json:
    """One of these texts."""
    return {"enum": [str(each) for each in names]}


def maybe(schema: Json) -> Json:
    """The same, or null."""
    return {"anyOf": [schema, {"type": "null"}]}


def named(name: str) -> Json:
    """A structure by its name."""
    return {"$ref": f"#/components/schemas/{name}"}


def response(name: str) -> Json:
    """A JSON document of this structure."""
    return {"description": "结果", "content": {"application/json": {"schema": named(name)}}}


def troubles(*statuses: int) -> Json:
    """Problem documents (RFC 9457), by their status."""
    content = {"application/problem+json": {"schema": named("Problem")}}
    return {str(status): {"description": "问题", "content": content} for status in statuses}
