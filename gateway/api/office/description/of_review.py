"""What the doors of explanations and rehearsals answer, to people of the 编办 alone."""

from __future__ import annotations

from typing import Final

from gateway.api.describing import COUNT, DAY, FLAG, INSTANT, TEXT, Json, closed, listed, maybe, named, one_of
from gateway.review.explained import UNAUTHORISED
from gateway.review.hindsight import Agrees
from policies.catalogue import Comparator
from policies.decision import Reason
from policies.rulebook import Effect

_POLICY: Final[Json] = closed({"number": COUNT, "digest": TEXT})
_REASON: Final[Json] = one_of(["", *Reason, UNAUTHORISED])
_CLAIMS: Final[Json] = listed(closed({"field": TEXT, "comparator": one_of(Comparator)}))
_TEXTS: Final[Json] = listed(TEXT)
_OUTCOME: Final[Json] = one_of(["permitted", "refused"])


def of_review() -> Json:
    """Every structure by its name."""
    recalled = {
        "decision": _decision(),
        "agrees": one_of(Agrees),
        "differences": _TEXTS,
        "zh": TEXT,
        "erased": listed(closed({"name": TEXT, "by": COUNT})),
    }
    return {
        "OfficeExplanation": closed(_explanation()),
        "OfficeRecalled": closed({**_explanation(), **recalled}),
        "OfficeRulebook": _rulebook(),
        "OfficeRule": closed(_rule()),
        "OfficeRehearsed": closed({**_replay(), **_rehearsed()}),
    }


def _explanation() -> Json:
    field = {"field": TEXT, "name": TEXT, "rulebook": maybe(FLAG), "grant": maybe(FLAG), "reason": TEXT}
    verdict = {"permitted": _TEXTS, "reason": _REASON, "cause": TEXT, "rules": _TEXTS, "zh": TEXT}
    return {
        "at": INSTANT,
        "policy": _POLICY,
        "rights_as_of": {"type": "integer"},
        "checks": listed(_check(maybe(FLAG))),
        "rulebook": maybe(named("OfficeRulebook")),
        "fields": listed(closed({**field, "permitted": FLAG})),
        "verdict": closed(verdict),
        "unopened": _TEXTS,
        "stopped": listed(named("OfficeStopped")),
    }


def _check(holds: Json) -> Json:
    return closed({"check": TEXT, "holds": holds, "zh": TEXT})


def _rulebook() -> Json:
    ask = {"client": TEXT, "claims": _CLAIMS, "purpose": TEXT, "units": _TEXTS, "address": TEXT, "matter": FLAG}
    return closed(
        {
            "policy": _POLICY,
            "at": INSTANT,
            "ask": closed(ask),
            "permitted": _TEXTS,
            "cause": TEXT,
            "zh": TEXT,
            "rules": _TEXTS,
            "checks": listed(_check(FLAG)),
            "fields": listed(_field()),
        }
    )


def _field() -> Json:
    rule = named("OfficeRule")
    return closed(
        {
            "field": TEXT,
            "name": TEXT,
            "comparators": listed(one_of(Comparator)),
            "permitted": FLAG,
            "cause": TEXT,
            "zh": TEXT,
            "checks": listed(_check(FLAG)),
            "denies": listed(rule),
            "allows": listed(rule),
            "near": listed(closed({**_rule(), "condition": TEXT, "zh": TEXT})),
        }
    )


def _rule() -> Json:
    return {"rule": TEXT, "effect": one_of(Effect), "department": TEXT, "legal_basis": TEXT, "reason": TEXT}


def _decision() -> Json:
    """What the ledger tells of it in clear."""
    return closed(
        {
            "entry": COUNT,
            "at": INSTANT,
            "partner": TEXT,
            "client": TEXT,
            "grant": maybe(TEXT),
            "purpose": maybe(TEXT),
            "claims": _CLAIMS,
            "network": TEXT,
            "address": TEXT,
            "policy": _POLICY,
            "rules": _TEXTS,
            "refused": _REASON,
            "incident": TEXT,
            "permitted": _TEXTS,
        }
    )


def _replay() -> Json:
    counted = listed(closed({"department": TEXT, "purpose": TEXT, "fields": COUNT}))
    unused = {"department": TEXT, "purpose": TEXT, "fields": _TEXTS, "rules": _TEXTS, "grant": TEXT, "zh": TEXT}
    return {
        "draft": _POLICY,
        "in_force": _POLICY,
        "decisions": COUNT,
        "changed": COUNT,
        "gained": counted,
        "lost": counted,
        "flips": listed(_flip()),
        "unused": listed(closed(unused)),
        "zh": TEXT,
    }


def _flip() -> Json:
    """One field of one decision that the draft decides otherwise."""
    whose = {"entry": COUNT, "at": INSTANT, "client": TEXT, "purpose": TEXT, "field": TEXT}
    return closed({**whose, "was": _OUTCOME, "becomes": _OUTCOME, "cause": TEXT, "rules": _TEXTS})


def _rehearsed() -> Json:
    taken_back = closed({"field": TEXT, "name": TEXT, "reason": TEXT})
    whose = {"grant": TEXT, "partner": TEXT, "purpose": TEXT, "valid_from": DAY}
    return {
        "flips_not_listed": COUNT,
        "entries": closed({"first": COUNT, "until": COUNT}),
        "left_out": closed({"unregistered": COUNT, "without_grant": COUNT, "without_purpose": COUNT}),
        "withheld": COUNT,
        "cut_short": TEXT,
        "proposals": listed(closed({**whose, "fields": listed(taken_back), "kept": COUNT, "zh": TEXT})),
    }
