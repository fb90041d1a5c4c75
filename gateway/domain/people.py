"""Named people (具名人员) and what each may do: one account a person, one duty an account.

A person's record is a deed that two administrators signed, so all of this can be checked without the database. What a
person signs in with (password, one-time codes) is kept elsewhere and proves nothing to anybody but the gateway.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Duty(StrEnum):
    """What an account is for. Nobody has two."""

    CLERK = "clerk"
    HEAD = "head"
    REVIEWER = "reviewer"
    LEADER = "leader"
    SYSTEM_ADMIN = "system_admin"
    SECURITY_ADMIN = "security_admin"
    AUDIT_ADMIN = "audit_admin"


DUTY_ZH = {
    Duty.CLERK: "经办人",
    Duty.HEAD: "合作部门负责人",
    Duty.REVIEWER: "编办业务审核员",
    Duty.LEADER: "编办领导",
    Duty.SYSTEM_ADMIN: "系统管理员",
    Duty.SECURITY_ADMIN: "安全管理员",
    Duty.AUDIT_ADMIN: "审计管理员",
}
THREE = frozenset({Duty.SYSTEM_ADMIN, Duty.SECURITY_ADMIN, Duty.AUDIT_ADMIN})
"""三员: no natural person holds two of them."""
PARTNER_DUTIES = frozenset({Duty.CLERK, Duty.HEAD})
"""Duties of people of a partner department; all others are of the 编办 itself."""


class KeyForm(StrEnum):
    """How a person's key signs."""

    ED25519 = "ed25519"
    """A key file, used by the command line. `public` is the raw key, 32 bytes."""
    WEBAUTHN = "webauthn"
    """An authenticator (W3C WebAuthn). `public` is the ES256 key as an uncompressed point, 65 bytes."""


@dataclass(frozen=True, slots=True)
class PersonKey:
    """A key that signs for one person. `rp_id` and `origin` bind an authenticator to this installation's pages."""

    kid: str
    form: KeyForm
    public: bytes = field(repr=False)
    rp_id: str = ""
    origin: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """One enrolled person.

    `natural` is a keyed digest (32 hex digits) of the person's id number: two accounts with the same one are the
    same human being. `partner` is the code of their department, or None for people of the 编办.
    """

    id: str
    name: str = field(repr=False)
    duty: Duty
    partner: str | None
    natural: str = field(repr=False)
    keys: tuple[PersonKey, ...]
    active: bool

    def key(self, kid: str) -> PersonKey | None:
        """Their key of that id."""
        return next((key for key in self.keys if key.kid == kid), None)
