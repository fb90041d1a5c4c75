"""One draft of every kind of event about accounts."""

from audit import account_events as events
from audit.account_events import AccountRef

WHO = AccountRef("li.ming", None)
DRAFTS = {
    "account.invited": events.account_invited(WHO, duty="reviewer", by="init"),
    "account.enrolled": events.account_enrolled(WHO, key="ab" * 16, form="ed25519"),
    "account.signed_in": events.account_signed_in(WHO, level="totp"),
    "account.refused": events.account_refused(None, door="sign-in", failures=1),
    "account.locked": events.account_locked(WHO, scope="place", seconds=5),
    "account.stepped_up": events.account_stepped_up(WHO, level="webauthn"),
    "account.signed_out": events.account_signed_out(WHO, cause="asked"),
    "account.changed": events.account_changed(WHO, what="password"),
    "account.unbound": events.account_unbound(WHO),
    "account.bound": events.account_bound(WHO, subject_sha256="ab" * 32),
    "account.closed": events.account_closed(WHO, by="sys.admin"),
}
