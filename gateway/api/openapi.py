"""The description of the API (OpenAPI 3.1): a path for every door, made from the structures they read and write."""

from __future__ import annotations

from typing import cast

from gateway.api.comparisons import MAX_KEY
from gateway.api.describing import SHA256, TEXT, Json, response, troubles
from gateway.api.office.description import office_components, office_paths, office_security
from gateway.api.schemas import components
from policies.catalogue import Catalogue


def document(catalogue: Catalogue) -> Json:
    """The whole description, for this catalogue."""
    nothing: list[object] = []
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Bidui 比对",
            "version": "1",
            "description": "机构编制实名制数据比对网关：只答是否一致，不提供数据。",
        },
        "paths": {**_paths(), **office_paths()},
        "components": {
            "schemas": {**components(catalogue), **office_components()},
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "at+jwt",
                    "description": "RFC 9068 token, bound to the client certificate (RFC 8705)",
                },
                "dpop": {
                    "type": "http",
                    "scheme": "dpop",
                    "description": "RFC 9068 token, bound to a key that signs a proof for each request (RFC 9449)",
                },
                **office_security(),
            },
        },
        "security": [{"token": nothing}, {"dpop": nothing}],
    }


def _paths() -> Json:
    size = _number_parameter("size", required=False)
    return {
        "/v1/comparisons": {"post": _compare()},
        "/v1/catalogue": {"get": _get("catalogue", "我可以比对的字段、我的签批单与余额", "CatalogueView", 401, 503)},
        "/v1/log/checkpoint": {
            "get": _open(_text("checkpoint", "最新的签名检查点（C2SP）", 404, 422, 503)) | {"parameters": [_WITNESSED]}
        },
        "/v1/witness/add-checkpoint": {"post": _open(_add_checkpoint())},
        "/v1/witness/{origin}/checkpoint": {
            "get": _open(_text("witnessCheckpoint", "本见证方最近一次为某存证账见证的检查点", 404, 503))
            | {"parameters": [_ORIGIN]}
        },
        "/v1/statements": {
            "get": _get("statement_of_day", "本系统一日的对账单", "DayStatement", 401, 404, 422, 503)
            | {"parameters": [_day_parameter()]}
        },
        "/v1/statements/entries": {
            "get": _get("statement_entries", "对账单所列的条目，可据以重算其根", "StatementEntries", 401, 404, 422, 503)
            | {"parameters": [_day_parameter(), _after_parameter()]}
        },
        "/v1/statements/disputes": {"post": _dispute()},
        "/v1/spot-checks": {"get": _get("spot_checks", "本部门待交凭证与待审核的凭证抽查", "SpotChecks", 401, 503)},
        "/v1/spot-checks/{number}": {"post": _file()},
        "/v1/log/tile/{path}": {"get": _open(_tile())},
        "/v1/log/trust": {"get": _open(_text("trust", "核验所需的公钥", media="application/json"))},
        "/v1/log/proofs/inclusion": {
            "get": _open(_get("inclusion", "一条记录的入账证明", "Inclusion", 422, 503))
            | {"parameters": [_number_parameter("index", required=True), size]}
        },
        "/v1/log/proofs/consistency": {
            "get": _open(_get("consistency", "两个检查点的一致性证明", "Consistency", 422, 503))
            | {"parameters": [_number_parameter("old", required=True), size]}
        },
        "/v1/receipts/{index}/proof": {"get": _receipt_proof()},
        "/oauth/token": {"post": _token("token", "以私钥断言换取访问令牌（RFC 7523）", "Token")},
        "/oauth/revoke": {"post": _token("revoke", "提前终止自己的令牌（RFC 7009）", "Revoked")},
        "/oauth/introspect": {"post": _token("introspect", "查询自己的令牌是否有效（RFC 7662）", "Introspection")},
        "/oauth/jwks": {"get": _open(_text("jwks", "令牌签名公钥（RFC 7517）", media="application/json"))},
        "/.well-known/oauth-authorization-server": {
            "get": _open(_text("metadata", "令牌端点说明（RFC 8414）", media="application/json"))
        },
        "/healthz": {"get": _open(_get("healthz", "进程是否在运行", "Alive"))},
        "/readyz": {
            "get": _open(_get("readyz", "是否可以提供比对", "Ready"))
            | {"responses": {str(status): response("Ready") for status in (200, 503)}}
        },
        "/openapi.json": {"get": _open(_text("openapi", "本接口说明", media="application/json"))},
    }


_WITNESSED: Json = {
    "name": "witnessed",
    "in": "query",
    "required": False,
    "description": "true 则给出最近一个达到见证法定数的检查点",
    "schema": {"enum": ["true", "false"]},
}
_ORIGIN: Json = {
    "name": "origin",
    "in": "path",
    "required": True,
    "description": "存证账名称的 SHA-256，小写十六进制",
    "schema": SHA256,
}


def _add_checkpoint() -> Json:
    """The operation of C2SP tlog-witness; its request and answers are texts of that standard."""
    operation = _text("addCheckpoint", "请本见证方见证一个检查点（C2SP tlog-witness）", 400, 403, 404, 413, 422, 503)
    size: Json = {"description": "上次所见证的规模", "content": {"text/x.tlog.size": {"schema": TEXT}}}
    body: Json = {"required": True, "content": {"text/plain": {"schema": TEXT}}}
    responses = cast("Json", operation["responses"]) | {"409": size}
    return operation | {"requestBody": body, "responses": responses}


def _compare() -> Json:
    body = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/QueryBody"}}}, "required": True}
    return {
        "operationId": "compare",
        "summary": "比对一个对象的若干声明值",
        "parameters": [_key_parameter()],
        "requestBody": body,
        "responses": _responses("Answer", 400, 401, 403, 409, 413, 422, 429, 503),
    }


def _dispute() -> Json:
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/DisputeBody"}}}
    return {
        "operationId": "dispute_statement",
        "summary": "对账单与本系统所存回执不符：提出异议",
        "requestBody": {"content": content, "required": True},
        "responses": {"201": response("StatementDispute"), **troubles(400, 401, 404, 413, 422, 503)},
    }


def _file() -> Json:
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/FilingBody"}}}
    number = {"name": "number", "in": "path", "required": True, "schema": {"type": "string", "maxLength": 64}}
    return {
        "operationId": "file_document",
        "summary": "提交被抽查的一次查询所依据的凭证：种类、编号、日期；不得写入身份证号",
        "parameters": [number],
        "requestBody": {"content": content, "required": True},
        "responses": _responses("SpotCheck", 400, 401, 404, 413, 422, 503),
    }


def _day_parameter() -> Json:
    return {"name": "day", "in": "query", "required": True, "schema": {"type": "string", "format": "date"}}


def _after_parameter() -> Json:
    schema = {"type": "integer", "minimum": -1, "maximum": 10**15}
    return {"name": "after", "in": "query", "required": False, "schema": schema}


def _token(name: str, summary: str, schema: str) -> Json:
    """What a system does with its assertion: get a token, end one, ask about one."""
    members = {
        **({"grant_type": {"const": "client_credentials"}} if name == "token" else {"token": TEXT}),
        "client_assertion_type": {"const": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
        "client_assertion": TEXT,
    }
    form = {"application/x-www-form-urlencoded": {"schema": {"type": "object", "properties": members}}}
    return {
        "operationId": name,
        "summary": summary,
        "security": [],
        "requestBody": {"required": True, "content": form},
        "responses": {
            "200": response(schema),
            "400": response("TokenError"),
            "401": response("TokenError"),
            "503": _responses(schema, 503)["503"],
        },
    }


def _get(name: str, summary: str, schema: str, *problems: int) -> Json:
    return {"operationId": name, "summary": summary, "responses": _responses(schema, *problems)}


def _text(name: str, summary: str, *problems: int, media: str = "text/plain") -> Json:
    """An operation whose answer is a document of another standard."""
    schema: Json = TEXT if media == "text/plain" else {"type": "object"}
    responses = _responses("Answer", *problems) | {
        "200": {"description": "结果", "content": {media: {"schema": schema}}}
    }
    return {"operationId": name, "summary": summary, "responses": responses}


def _receipt_proof() -> Json:
    index: Json = {"type": "integer", "minimum": 0, "maximum": 10**18 - 1}
    return _text("receipt_proof", "本部门一张回执的入账证明（C2SP tlog-proof 文件）", 401, 404, 503) | {
        "parameters": [{"name": "index", "in": "path", "required": True, "schema": index}]
    }


def _tile() -> Json:
    """A path of several segments, which OpenAPI cannot say: so it is one parameter, with its pattern."""
    pattern = r"^[0-5]/(x[0-9]{3}/){0,5}[0-9]{3}(\.p/[1-9][0-9]{0,2})?$"
    where = {"name": "path", "in": "path", "required": True, "schema": {"type": "string", "pattern": pattern}}
    hashes = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
    return {
        "operationId": "tile",
        "summary": "哈希块（C2SP tlog-tiles，前缀 /v1/log）：层/序号，可带 .p/宽度；已签名的部分永不改变",
        "parameters": [where],
        "responses": {"200": {"description": "32 字节哈希相接", "content": hashes}, **troubles(404, 503)},
    }


def _open(operation: Json) -> Json:
    """The same, for everybody."""
    nothing: list[object] = []
    return {**operation, "security": nothing}


def _number_parameter(name: str, *, required: bool) -> Json:
    schema = {"type": "integer", "minimum": 0, "maximum": 10**18 - 1}
    return {"name": name, "in": "query", "required": required, "schema": schema}


def _key_parameter() -> Json:
    return {
        "name": "Idempotency-Key",
        "in": "header",
        "required": True,
        "description": "同一请求重试时沿用同一键；24 小时内得到相同结果与回执，不另计额度",
        "schema": {"type": "string", "minLength": 1, "maxLength": MAX_KEY, "pattern": "^[!-~]+$"},
    }


def _responses(name: str, *problems: int) -> Json:
    return {"200": response(name), **troubles(*problems)}
