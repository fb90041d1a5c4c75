"""What the deed of a person says, read and written."""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from collections.abc import Mapping
from typing import TypeGuard, cast

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from audit.entry import JsonValue
from gateway.deeds.errors import DeedError
from gateway.domain.people import PARTNER_DUTIES, Duty, KeyForm, Person, PersonKey

_ID = re.compile(r"[a-z][a-z0-9.-]{1,39}")
_NATURAL = re.compile(r"[0-9a-f]{32}")
_KID = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_MEMBERS = {"name", "duty", "partner", "natural", "keys", "active"}
_KEY_MEMBERS = {"kid", "form", "public", "rp_id", "origin"}
_P = 2**255 - 19
_D = -121665 * pow(121666, -1, _P) % _P
"""Field and constant of the curve of Ed25519 (RFC 8032, 5.1)."""
_POINT_BYTES = 65
MAX_NAME = 60
MAX_KEYS = 4


def person_content(person: Person) -> dict[str, JsonValue]:
    """The content of the deed that enrols this person."""
    return {
        "name": person.name,
        "duty": person.duty.value,
        "partner": person.partner,
        "natural": person.natural,
        "keys": [_key_content(key) for key in person.keys],
        "active": person.active,
    }


def read_person(person_id: str, content: Mapping[str, JsonValue]) -> Person:
    """The person that a deed of this id and content enrols. Raises `DeedError`."""
    if set(content) != _MEMBERS or not _ID.fullmatch(person_id):
        raise DeedError(f"人员账号须形如 zz-li.ming，文书须恰有这些成员：{'、'.join(sorted(_MEMBERS))}")
    duty, partner = _duty(content["duty"]), content["partner"]
    whose = partner if isinstance(partner, str) and partner else None
    if (duty in PARTNER_DUTIES) != (whose is not None) or partner != whose:
        raise DeedError("经办人和部门负责人须写明 partner，其他职责的 partner 须为 null")
    natural, name, active = content["natural"], content["name"], content["active"]
    if not isinstance(natural, str) or not _NATURAL.fullmatch(natural):
        raise DeedError("natural 须为身份证号的密钥摘要，即 32 位十六进制数字")
    if not _is_name(name) or not isinstance(active, bool):
        raise DeedError(f"name 须为非空文本，最多 {MAX_NAME} 字，不含控制字符；active 须为 true 或 false")
    return Person(
        id=person_id,
        name=name,
        duty=duty,
        partner=whose,
        natural=natural,
        keys=_keys(content["keys"]),
        active=active,
    )


def _is_name(value: JsonValue) -> TypeGuard[str]:
    return isinstance(value, str) and 0 < len(value.strip()) <= MAX_NAME and value.isprintable()


def _duty(value: JsonValue) -> Duty:
    try:
        return Duty(str(value))
    except ValueError:
        raise DeedError(f"duty 须为其中之一：{'、'.join(Duty)}") from None


def _key_content(key: PersonKey) -> dict[str, JsonValue]:
    public = urlsafe_b64encode(key.public).rstrip(b"=").decode()
    return {"kid": key.kid, "form": key.form.value, "public": public, "rp_id": key.rp_id, "origin": key.origin}


def _keys(value: JsonValue) -> tuple[PersonKey, ...]:
    if not isinstance(value, list) or not 0 < len(value) <= MAX_KEYS:
        raise DeedError(f"keys 须列出 1 至 {MAX_KEYS} 把密钥")
    keys = tuple(_key(cast("JsonValue", each)) for each in cast("list[object]", value))
    if len({key.kid for key in keys}) != len(keys) or len({key.public for key in keys}) != len(keys):
        raise DeedError("keys 中同一把密钥出现两次，请只保留一处")
    return keys


def _key(value: JsonValue) -> PersonKey:
    told = cast("Mapping[str, object]", value) if isinstance(value, dict) else dict[str, object]()
    if set(told) != _KEY_MEMBERS or not all(isinstance(each, str) for each in told.values()):
        raise DeedError(f"每把密钥须恰有这些成员，且均为文本：{'、'.join(sorted(_KEY_MEMBERS))}")
    members = cast("Mapping[str, str]", told)
    if members["form"] not in list(KeyForm) or not _KID.fullmatch(members["kid"]):
        raise DeedError(f"密钥的 form 须为其中之一：{'、'.join(KeyForm)}；kid 最多 64 位字母、数字和 . _ -")
    key = PersonKey(
        members["kid"], KeyForm(members["form"]), _decoded(members["public"]), members["rp_id"], members["origin"]
    )
    _check_public(key)
    return key


def _check_public(key: PersonKey) -> None:
    """A key that cannot verify anything is found here, not when its owner signs."""
    read = {KeyForm.ED25519: _check_edwards, KeyForm.WEBAUTHN: _check_p256}
    try:
        read[key.form](key.public)
    except ValueError:
        raise DeedError("public 不是所写 form 的可用公钥，请重新生成密钥") from None
    if {bool(key.rp_id), bool(key.origin)} != {key.form is KeyForm.WEBAUTHN}:
        raise DeedError("安全密钥须写明 rp_id 和 origin，密钥文件的这两项须留空")


def _check_p256(public: bytes) -> None:
    """In the uncompressed form alone: a key that can be written in two ways could belong to two people."""
    EllipticCurvePublicKey.from_encoded_point(SECP256R1(), public)
    if len(public) != _POINT_BYTES:
        raise ValueError


def _check_edwards(public: bytes) -> None:
    """A point of the curve, and not one of its eight of small order: anybody can sign for those (RFC 8032, 5.1.3)."""
    Ed25519PublicKey.from_public_bytes(public)
    y = int.from_bytes(public, "little") & ((1 << 255) - 1)
    if y >= _P or pow(_x_squared(y), (_P - 1) // 2, _P) not in {0, 1}:
        raise ValueError
    for _ in range(3):
        # The double of a point, of which nothing but the ordinate is needed.
        x2, y2 = _x_squared(y), y * y
        y = (y2 + x2) * pow(1 - _D * x2 * y2, -1, _P) % _P
    if y == 1:
        raise ValueError


def _x_squared(y: int) -> int:
    return (y * y - 1) * pow(_D * y * y + 1, -1, _P) % _P


def _decoded(text: str) -> bytes:
    try:
        decoded = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (Base64Error, ValueError):
        decoded = b""
    if not decoded or urlsafe_b64encode(decoded).rstrip(b"=") != text.encode():
        raise DeedError("public 须为不带填充的 base64url")
    return decoded
