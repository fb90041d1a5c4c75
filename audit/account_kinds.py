"""Kinds of events about accounts of people. Ids of accounts are pseudonyms and stand in clear; nothing else does."""

from audit.kind import Kind

_ACCOUNT = {"account": "id of the account"}

ACCOUNT_INVITED = Kind(
    "account.invited",
    "已邀请开通账号",
    "Somebody was invited to enrol; the code is recorded nowhere.",
    {**_ACCOUNT, "duty": "the one duty they are invited for", "by": "account that invited, or `init`"},
)
ACCOUNT_ENROLLED = Kind(
    "account.enrolled",
    "账号已登记",
    "The invited person took the account: password, one-time codes and a key. It is good once the person's deed is.",
    {**_ACCOUNT, "key": "id of the key, which follows from it", "form": "how the key signs: ed25519 or webauthn"},
)
ACCOUNT_SIGNED_IN = Kind(
    "account.signed_in",
    "账号已登录",
    "Somebody signed in.",
    {**_ACCOUNT, "level": "second factor they showed: totp, recovery, webauthn; or oidc"},
)
ACCOUNT_REFUSED = Kind(
    "account.refused",
    "登录被拒绝",
    "Attempts failed. Written at the first, second, fourth, eighth and so on in a row, never with what was wrong.",
    {
        "account": "id of the account, or null for one that does not exist",
        "door": "what was tried: sign-in, step-up, password or oidc",
        "failures": "how many failed in a row",
    },
)
ACCOUNT_LOCKED = Kind(
    "account.locked",
    "账号已限速",
    "After failed attempts no more are heard for a while.",
    {
        **_ACCOUNT,
        "scope": "`place`: from one device or address; `strangers`: from all that the account never used; "
        "`session`: a second factor within one account's sessions",
        "seconds": "for how long",
    },
)
ACCOUNT_STEPPED_UP = Kind(
    "account.stepped_up",
    "已再次验证",
    "Somebody who is signed in showed the second factor again, to approve something.",
    {**_ACCOUNT, "level": "second factor they showed: totp, recovery or webauthn"},
)
ACCOUNT_SIGNED_OUT = Kind(
    "account.signed_out",
    "账号已退出",
    "A session ended, or all of an account.",
    {**_ACCOUNT, "cause": "asked, asked_all, or not_in_force: the person's deed no longer stands"},
)
ACCOUNT_CHANGED = Kind(
    "account.changed",
    "账号凭据已更换",
    "Somebody changed what they sign in with.",
    {**_ACCOUNT, "what": "password, recovery or key", "key": "id of the new key, or null"},
)
ACCOUNT_BOUND = Kind(
    "account.bound",
    "账号已绑定统一身份",
    "An account can be signed in to through the configured identity provider.",
    {**_ACCOUNT, "subject_sha256": "SHA-256 of issuer, line feed and subject; the person bound it, signed in"},
)
ACCOUNT_UNBOUND = Kind(
    "account.unbound",
    "账号已解除统一身份",
    "An account can no longer be signed in to through the identity provider; its person ended that.",
    _ACCOUNT,
)
ACCOUNT_CLOSED = Kind(
    "account.closed",
    "账号已注销",
    "An account, or an invitation that nobody took, was removed.",
    {**_ACCOUNT, "by": "account that closed it"},
)

ACCOUNT_KINDS = (
    ACCOUNT_INVITED,
    ACCOUNT_ENROLLED,
    ACCOUNT_SIGNED_IN,
    ACCOUNT_REFUSED,
    ACCOUNT_LOCKED,
    ACCOUNT_STEPPED_UP,
    ACCOUNT_SIGNED_OUT,
    ACCOUNT_CHANGED,
    ACCOUNT_BOUND,
    ACCOUNT_UNBOUND,
    ACCOUNT_CLOSED,
)
