"""Who is spot-checked: a keyed share of the subjects of grants that nothing but need bounds.

The choice depends on the key, the partner's purpose and the subject alone, not on what the register says: an answer
that waits tells nothing. The same subject is chosen again under a renewed grant, and by a larger share too.
"""

from __future__ import annotations

import hashlib
from collections.abc import Set

from gateway.domain.grant import Grant, GrantClass
from gateway.watch.accounts import purpose_account
from gateway.watch.profile import expects_hits
from gateway.watch.thresholds import Thresholds

_WHOLE = 1 << 32
_UNBOUNDED = frozenset({GrantClass.OPEN, GrantClass.MATTER})
"""Nothing but need bounds them; the document of a matter is the decision that opened it."""


def share_of(grant: Grant, failed: Set[str], raised: Set[str], limits: Thresholds) -> float:
    """The share of a grant's new subjects that is spot-checked.

    `failed` are purposes for which one failed lately, whoever's; `raised` are accounts of one partner's purpose, of
    which more is checked for a cause of its own.
    """
    if grant.grant_class not in _UNBOUNDED:
        return 0.0
    if grant.purpose in failed or purpose_account(grant.partner, grant.purpose) in raised:
        return limits.check_raised
    return limits.check_share if expects_hits(grant) else limits.check_open_share


def is_chosen(key: bytes, grant: Grant, link: bytes, share: float) -> bool:
    """Whether a subject is among them."""
    drawn = hashlib.blake2b(f"{grant.partner}\n{grant.purpose}\n".encode() + link, key=key, person=b"spot-check")
    return int.from_bytes(drawn.digest()[:4], "big") < share * _WHOLE
