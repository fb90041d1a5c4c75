"""People who sign deeds: what the deed of a person says, and how one signature is checked."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256

from audit.standalone.canonical import Json, base64url, encode, from_base64, members, text
from audit.standalone.hashes import sha256
from audit.standalone.notes import LACKING
from audit.standalone.verdicts import MissingError, WrongError

SYSTEM, SECURITY, AUDIT = "system_admin", "security_admin", "audit_admin"
CLERK, HEAD, REVIEWER, LEADER = "clerk", "head", "reviewer", "leader"
DUTIES = frozenset({SYSTEM, SECURITY, AUDIT, CLERK, HEAD, REVIEWER, LEADER})
THREE, OF_PARTNERS = frozenset({SYSTEM, SECURITY, AUDIT}), frozenset({CLERK, HEAD})
_P, _MAX_KEYS, _MAX_NAME = 2**255 - 19, 4, 60
_D = -121665 * pow(121666, -1, _P) % _P
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII)


@dataclass(frozen=True)
class Key:
    """A key that signs for one person."""

    kid: str
    form: str
    public: bytes
    rp_id: str = ""
    origin: str = ""


@dataclass(frozen=True)
class Person:
    """Somebody as a deed enrols them."""

    id: str
    duty: str
    partner: str | None
    natural: str
    keys: tuple[Key, ...]
    active: bool

    def key(self, kid: str) -> Key | None:
        """Their key of that id."""
        return next((key for key in self.keys if key.kid == kid), None)


def read_person(account: str, content: Mapping[str, Json]) -> Person:
    """Read a person's deed. Raise `WrongError`; `MissingError` for a key that this machine cannot use."""
    told = members(dict(content), ("active", "duty", "keys", "name", "natural", "partner"), "person")
    duty, partner, natural, name, active = (told[each] for each in ("duty", "partner", "natural", "name", "active"))
    whose = partner if isinstance(partner, str) and partner else None
    is_known = bool(re.fullmatch(r"[a-z][a-z0-9.-]{1,39}", account)) and duty in [*DUTIES] and isinstance(active, bool)
    is_natural = isinstance(natural, str) and bool(re.fullmatch("[0-9a-f]{32}", natural))
    is_named = isinstance(name, str) and 0 < len(name.strip()) <= _MAX_NAME and name.isprintable()
    fits = (duty in [*OF_PARTNERS]) == (whose is not None) and partner in (whose, None)
    if not (is_known and is_natural and is_named and fits):
        raise WrongError(f"人员文书不对 / the deed of {account} does not describe a person")
    return Person(account, str(duty), whose, str(natural), _keys(told["keys"]), active is True)


def _keys(value: Json) -> tuple[Key, ...]:
    keys = tuple(map(_key, value)) if isinstance(value, list) and 0 < len(value) <= _MAX_KEYS else ()
    if not keys or len({key.kid for key in keys}) < len(keys) or len({key.public for key in keys}) < len(keys):
        raise WrongError("人员文书的密钥不对 / the keys of a person are wrong")
    return keys


def _key(value: Json) -> Key:
    told = members(value, ("form", "kid", "origin", "public", "rp_id"), "key")
    kid, form, rp_id, origin = (text(told[name]) for name in ("kid", "form", "rp_id", "origin"))
    key = Key(kid, form, from_base64(text(told["public"]), url=True), rp_id, origin)
    if not re.fullmatch(r"[A-Za-z0-9_.-]{1,64}", kid) or {bool(rp_id), bool(origin)} != {form == "webauthn"}:
        raise WrongError("人员密钥格式不对 / a key of another form")
    try:
        {"ed25519": _check_edwards, "webauthn": _check_p256}[form](key.public)
    except UnsupportedAlgorithm as error:
        raise MissingError(LACKING) from error
    except (KeyError, ValueError) as error:
        raise WrongError("人员公钥不可用 / a public key that cannot be used") from error
    return key


def _check_p256(public: bytes) -> None:
    EllipticCurvePublicKey.from_encoded_point(SECP256R1(), public)
    if len(public) != 65:
        raise ValueError


def _check_edwards(public: bytes) -> None:
    """A point of the curve, and not one of its eight of small order: anybody can sign for those."""
    Ed25519PublicKey.from_public_bytes(public)
    y = int.from_bytes(public, "little") & ((1 << 255) - 1)
    if y >= _P or pow(_x_squared(y), (_P - 1) // 2, _P) not in {0, 1}:
        raise ValueError
    for _ in range(3):
        x2, y2 = _x_squared(y), y * y
        y = (y2 + x2) * pow(1 - _D * x2 * y2, -1, _P) % _P
    if y == 1:
        raise ValueError


def _x_squared(y: int) -> int:
    return (y * y - 1) * pow(_D * y * y + 1, -1, _P) % _P


@dataclass(frozen=True)
class Signature:
    """One person's signature under a deed."""

    step: str
    person: str
    kid: str
    at: str
    deeds: tuple[str, ...]
    proof: bytes
    authenticator: bytes
    client: bytes

    def time(self) -> datetime:
        """When it says it was made. Raise `WrongError`."""
        try:
            if _TIME.fullmatch(self.at):
                return datetime.strptime(self.at, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
        except ValueError:
            pass
        raise WrongError("签名时间不对 / the time of a signature is of another form")

    def check(self, log: str, key: Key) -> None:
        """Return if this key made it over what it names. Raise `WrongError`, `MissingError` if nobody can tell here."""
        names = ("at", "deeds", "kid", "log", "person", "step")
        deeds: list[Json] = list(self.deeds)
        values: tuple[Json, ...] = (self.at, deeds, self.kid, log, self.person, self.step)
        stated = b"bidui-deed/1\n" + encode(dict(zip(names, values, strict=True)))
        if not 0 < len(self.deeds) <= 256 or list(self.deeds) != sorted(set(self.deeds)) or key.kid != self.kid:
            raise WrongError(f"{self.person} 的签名格式不对 / a signature of another form")
        try:
            self._check_file(stated, key) if key.form == "ed25519" else self._check_assertion(stated, key)
        except UnsupportedAlgorithm as error:
            raise MissingError(LACKING) from error
        except (InvalidSignature, ValueError) as error:
            raise WrongError(f"{self.person} 的签名不成立 / the signature of {self.person} does not hold") from error

    def _check_file(self, stated: bytes, key: Key) -> None:
        if self.authenticator or self.client:
            raise ValueError
        Ed25519PublicKey.from_public_bytes(key.public).verify(self.proof, stated)

    def _check_assertion(self, stated: bytes, key: Key) -> None:
        """An authenticator's answer (W3C Web Authentication) to the digest of what is signed."""
        data = self.authenticator
        if len(data) < 37 or data[:32] != sha256(key.rp_id.encode()) or data[32] & 5 != 5 or len(self.client) > 4096:
            raise ValueError
        try:
            told: Json = json.loads(self.client)
        except RecursionError:
            raise ValueError from None
        wanted: dict[str, Json] = {"type": "webauthn.get", "challenge": base64url(sha256(stated))}
        wanted |= {"origin": key.origin, "crossOrigin": False}
        if not isinstance(told, dict) or {"crossOrigin": False} | {n: told[n] for n in wanted if n in told} != wanted:
            raise ValueError
        public = EllipticCurvePublicKey.from_encoded_point(SECP256R1(), key.public)
        public.verify(self.proof, data + sha256(self.client), ECDSA(SHA256()))
