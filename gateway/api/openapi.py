"""The description of the API (OpenAPI 3.1), made from the structures the doors read and write.

Answers are closed: every code is listed, and no member may be added.
"""

from __future__ import annotations

from typing import cast

import msgspec

from gateway.api.catalogue import CatalogueView
from gateway.api.comparisons import MAX_KEY
from gateway.api.problems import Problem
from gateway.domain.answer import FieldCode, SubjectCode
from gateway.domain.query import MAX_CLAIMS, QueryBody
from policies.catalogue import Catalogue, Comparator

Json = dict[str, object]
_SHA256 = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
_COUNT = {"type": "integer", "minimum": 0}


def document(catalogue: Catalogue) -> Json:
    """The whole description, for this catalogue."""
    components = _components(catalogue)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Bidui 比对",
            "version": "1",
            "description": "机构编制实名制数据比对网关：只答是否一致，不提供数据。",
        },
        "paths": _paths(),
        "components": {
            "schemas": components,
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "at+jwt",
                    "description": "RFC 9068 token, bound to the client certificate (RFC 8705)",
                }
            },
        },
        "security": [{"token": []}],
    }


def _components(catalogue: Catalogue) -> Json:
    _, schemas = msgspec.json.schema_components(
        [QueryBody, Problem, CatalogueView], ref_template="#/components/schemas/{name}"
    )
    components = cast("dict[str, Json]", schemas)
    query = cast("dict[str, Json]", components["QueryBody"]["properties"])
    query["claims"] |= {"minItems": 1, "maxItems": MAX_CLAIMS}
    for name in ("grant", "purpose", "operator"):
        query[name] |= {"minLength": 1, "maxLength": 64}
    claim = cast("dict[str, Json]", components["ClaimBody"]["properties"])
    claim["field"] |= {"enum": sorted(catalogue.fields)}
    claim["comparator"] |= {"enum": [each.value for each in Comparator]}
    subject = cast("dict[str, Json]", components["SubjectBody"]["properties"])
    subject["kind"] |= {"enum": list(catalogue.kinds)}
    return {**components, "Answer": _answer(catalogue), "Receipt": _receipt()}


def _answer(catalogue: Catalogue) -> Json:
    codes = {"enum": [code.value for code in FieldCode]}
    return _closed(
        {
            "subject": {"enum": [code.value for code in SubjectCode]},
            "fields": {
                "type": "object",
                "propertyNames": {"enum": sorted(catalogue.fields)},
                "additionalProperties": codes,
            },
            "as_of": {"type": "string", "format": "date"},
            "data": _closed({"time": {"type": "string", "format": "date-time"}, "version": _SHA256}),
            "receipt": {"$ref": "#/components/schemas/Receipt"},
        }
    )


def _receipt() -> Json:
    body = _closed(
        {
            "data": _closed({"time": {"type": "string"}, "version": _SHA256}),
            "index": _COUNT,
            "leaf": _SHA256,
            "origin": {"type": "string"},
            "policy": _closed({"number": _COUNT, "sha256": _SHA256}),
            "request_sha256": _SHA256,
            "response_sha256": _SHA256,
            "time": {"type": "string"},
            "v": {"const": 1},
        }
    )
    path = _closed(
        {
            "at": _COUNT,
            "first": _COUNT,
            "hashes": {"type": "array", "items": {"type": "string"}},
            "size": {"type": "integer", "minimum": 1},
        }
    )
    text = {"type": "string"}
    return _closed({"body": body, "path": path, "salt": text, "signature": text, "type": {"const": "bidui-receipt/1"}})


def _closed(properties: Json) -> Json:
    return {
        "type": "object",
        "properties": properties,
        "required": sorted(properties),
        "additionalProperties": False,
    }


def _paths() -> Json:
    return {
        "/v1/comparisons": {
            "post": {
                "operationId": "compare",
                "summary": "比对一个对象的若干声明值",
                "parameters": [_key_parameter()],
                "requestBody": {
                    "required": True,
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/QueryBody"}}},
                },
                "responses": _responses("Answer", 400, 401, 403, 409, 413, 422, 503),
            }
        },
        "/v1/catalogue": {
            "get": {
                "operationId": "catalogue",
                "summary": "我可以比对的字段、我的签批单与余额",
                "responses": _responses("CatalogueView", 401, 503),
            }
        },
    }


def _key_parameter() -> Json:
    return {
        "name": "Idempotency-Key",
        "in": "header",
        "required": True,
        "description": "同一请求重试时沿用同一键；24 小时内得到相同结果与回执，不另计额度",
        "schema": {"type": "string", "minLength": 1, "maxLength": MAX_KEY, "pattern": "^[!-~]+$"},
    }


def _responses(name: str, *problems: int) -> Json:
    answer = {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}}
    trouble = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {
        "200": {"description": "结果", "content": answer},
        **{str(status): {"description": "问题", "content": trouble} for status in problems},
    }
