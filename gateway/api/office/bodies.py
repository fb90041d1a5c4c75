"""JSON bodies of the office's doors, read strictly, and what each says. Bytes are base64url without padding."""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Final, TypeVar

import msgspec
from starlette.requests import Request

from gateway.accounts.values import Assertion, Ed25519Proof, Proof, RecoveryCode, Registration, Second, TotpCode
from gateway.api.body import MAX_BODY_BYTES, convert, read
from gateway.domain.errors import InvalidQueryError

Body = TypeVar("Body", bound=msgspec.Struct)
_TOTP: Final = re.compile(r"[0-9]{6}")
_LONGEST_CODE, _LONGEST_PASSWORD, _LONGEST_BYTES = 64, 256, 1024
_ED25519 = 32


class SecondBody(msgspec.Struct, forbid_unknown_fields=True):
    """Exactly one second factor."""

    totp: str = ""
    recovery_code: str = ""
    assertion: dict[str, object] = {}

    def parse(self) -> Second:
        """Raises `InvalidQueryError`."""
        if bool(self.totp) + bool(self.recovery_code) + bool(self.assertion) != 1:
            raise InvalidQueryError("请出示一种验证方式：动态口令、恢复码或安全密钥", "second")
        if self.assertion:
            return Assertion(msgspec.json.encode(self.assertion).decode())
        if self.recovery_code:
            return RecoveryCode(self.recovery_code[:_LONGEST_CODE])
        if not _TOTP.fullmatch(self.totp):
            raise InvalidQueryError("动态口令应为 6 位数字", "second.totp")
        return TotpCode(self.totp)


class SignInBody(msgspec.Struct, forbid_unknown_fields=True):
    """`POST /v1/office/sign-in`"""

    account: str
    password: str
    second: SecondBody

    def __post_init__(self) -> None:
        _check_length(self.account, _LONGEST_CODE, "account")
        _check_length(self.password, _LONGEST_PASSWORD, "password")


class StepUpBody(msgspec.Struct, forbid_unknown_fields=True):
    """`POST /v1/office/step-up`"""

    second: SecondBody


class SignOutBody(msgspec.Struct, forbid_unknown_fields=True):
    """`POST /v1/office/sign-out`"""

    everywhere: bool = False


class PasswordBody(msgspec.Struct, forbid_unknown_fields=True):
    """`POST /v1/office/password`"""

    old: str
    new: str

    def __post_init__(self) -> None:
        _check_length(self.old, _LONGEST_PASSWORD, "old")
        _check_length(self.new, _LONGEST_PASSWORD, "new")


class BeginBody(msgspec.Struct, forbid_unknown_fields=True):
    """`POST /v1/office/enrolment/begin`"""

    code: str

    def __post_init__(self) -> None:
        _check_length(self.code, _LONGEST_CODE, "code")


class KeyBody(msgspec.Struct, forbid_unknown_fields=True):
    """A key file (`public` and `signature`) or an authenticator (`registration`)."""

    public: str = ""
    signature: str = ""
    registration: dict[str, object] = {}

    def parse(self) -> Proof:
        """Raises `InvalidQueryError`."""
        if bool(self.registration) == bool(self.public):
            raise InvalidQueryError("请登记一把签名密钥：密钥文件或安全密钥", "key")
        if self.registration:
            return Registration(msgspec.json.encode(self.registration).decode())
        public = from_text(self.public, "key.public")
        if len(public) != _ED25519:
            raise InvalidQueryError("公钥应为 32 字节的 Ed25519 公钥", "key.public")
        return Ed25519Proof(public, from_text(self.signature, "key.signature"))


class FinishBody(msgspec.Struct, forbid_unknown_fields=True):
    """`POST /v1/office/enrolment/finish`"""

    code: str
    challenge: str
    password: str
    totp: str
    key: KeyBody

    def __post_init__(self) -> None:
        _check_length(self.code, _LONGEST_CODE, "code")
        _check_length(self.password, _LONGEST_PASSWORD, "password")
        _check_length(self.totp, _LONGEST_CODE, "totp")


class NewKeyBody(msgspec.Struct, forbid_unknown_fields=True):
    """`POST /v1/office/keys/finish`"""

    challenge: str
    key: KeyBody
    replaces: bool = False


class OptionsBody(msgspec.Struct, forbid_unknown_fields=True):
    """`POST /v1/office/webauthn/options`: to sign in (`account`), step up, or sign a `challenge`."""

    use: str
    account: str = ""
    challenge: str = ""

    def __post_init__(self) -> None:
        _check_length(self.account or "-", _LONGEST_CODE, "account")


async def read_body(request: Request, kind: type[Body], limit: int = MAX_BODY_BYTES) -> Body:
    """The body. Raises `UnreadableError`, `InvalidQueryError`."""
    return convert(await read(request.scope, request.receive, limit), kind)


def to_text(value: bytes) -> str:
    """Bytes as we write them."""
    return urlsafe_b64encode(value).rstrip(b"=").decode()


def from_text(text: str, pointer: str) -> bytes:
    """Bytes as we read them. Raises `InvalidQueryError`."""
    try:
        value = urlsafe_b64decode(text + "=" * (-len(text) % 4)) if len(text) <= _LONGEST_BYTES else b""
    except ValueError:
        value = b""
    if not value or to_text(value) != text:
        raise InvalidQueryError("应为 base64url 编码", pointer)
    return value


def _check_length(text: str, longest: int, pointer: str) -> None:
    if not 0 < len(text) <= longest:
        raise InvalidQueryError(f"应为 1 至 {longest} 个字符", pointer)
