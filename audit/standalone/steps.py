"""Who signs what, in which order. A test holds this table against the gateway's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from audit.standalone.people import AUDIT, CLERK, DUTIES, HEAD, LEADER, REVIEWER, SECURITY, SYSTEM


@dataclass(frozen=True)
class Step:
    """One signature, by somebody of one of these duties; of any, where there are none."""

    name: str
    duties: frozenset[str] = frozenset()


def _by(name: str, *duties: str) -> Step:
    return Step(name, frozenset(duties))


_ADMINISTERED = {"usual": (_by("propose", SYSTEM), _by("approve", SECURITY))}
_DECIDED = {"usual": (_by("propose", SECURITY), _by("approve", LEADER))}
_EXAMINED = {"usual": (_by("propose", AUDIT), _by("approve", LEADER))}
_KEPT = {"usual": (_by("propose", SYSTEM), _by("approve", AUDIT))}
_GRANTED = (_by("endorse", HEAD), _by("review", REVIEWER), _by("sign_off", LEADER))

PATHS: Mapping[str, Mapping[str, tuple[Step, ...]]] = {
    "person": {
        **_ADMINISTERED,
        "founding": (Step("activate"),),
        "break_glass": (_by("propose", SYSTEM, SECURITY, AUDIT), _by("approve", SYSTEM, SECURITY, AUDIT, LEADER)),
    },
    **dict.fromkeys(("partner", "system", "job", "parameters"), _ADMINISTERED),
    "rulebooks": _DECIDED,
    "thresholds": {**_DECIDED, "emergency": _DECIDED["usual"], "shadow": (_by("shadow", SECURITY),)},
    "grant": {
        "usual": _GRANTED,
        "emergency": (_GRANTED[0], _GRANTED[2]),
        "withdrawal": (_by("withdraw", HEAD, REVIEWER, LEADER, SECURITY),),
    },
    "cohort": {"usual": (_by("commit", CLERK, HEAD), _GRANTED[1]), "addition": (_by("commit", HEAD),)},
    "agreement": {"usual": (_by("offer", REVIEWER), _by("accept", HEAD))},
    "undertaking": {"usual": (_by("self", *DUTIES),)},
    "attestation": {"usual": (_by("attest", HEAD), _by("confirm", REVIEWER))},
    "review": {"usual": (_by("emergency_review", REVIEWER),)},
    "freeze": {"usual": (_by("freeze", SECURITY),), "release": (_by("propose", SECURITY), _by("approve", LEADER))},
    **dict.fromkeys(("reveal", "export", "erasure", "unsealing"), _EXAMINED),
    "hold": {"usual": (_by("hold", AUDIT),), "release": _EXAMINED["usual"]},
    **dict.fromkeys(("retention", "rollover", "log_key"), _KEPT),
    "acknowledgement": {"usual": (_by("acknowledge", HEAD),)},
}
