"""Kinds of events of the watch."""

from audit.kind import Kind

WATCH_STOPPED = Kind(
    "watch.stopped",
    "监测已阻断",
    "The watch put something on hold or froze it. Recorded in the transaction that stops it.",
    {
        "incident": "number of the incident, as the partner is told it",
        "target": "what it lies on: `grant.` and its number",
        "response": "`held` or `frozen`",
    },
    {"finding": "which detector, what it observed against what it expected, over how many days, pseudonyms of samples"},
)
WATCH_NOTICED = Kind(
    "watch.noticed",
    "监测已记录",
    "The watch noticed something and stopped nothing: an officer is to see whether it is right.",
    {
        "incident": "number of the incident",
        "target": "what it is about: `grant.` and its number, `partner.` and its code, or `subject.` and a pseudonym "
        "(none where there are several)",
    },
    {"finding": "which detector, what it observed against what it expected, over how many days, pseudonyms of samples"},
)
WATCH_ESCALATED = Kind(
    "watch.escalated",
    "监测扣留已转为冻结",
    "Nobody handled a hold in time, so it became a freeze.",
    {
        "incident": "number of the incident",
        "target": "what it lies on",
        "response": "`frozen`",
        "stopped": "the entry that told of the hold",
        "days": "by the end of how many working days it should have been handled",
    },
)
CHECK_ASKED = Kind(
    "spot_check.asked",
    "凭证抽查已发起",
    "The answer about a subject waits for the document that gave the right to ask.",
    {"check": "number of the spot check, as the partner is told it", "grant": "number of the grant"},
)
CHECK_FILED = Kind(
    "spot_check.filed",
    "抽查凭证已提交",
    "The partner named the document; the answer is given when it is asked for again.",
    {
        "check": "number of the spot check",
        "grant": "number of the grant",
        "client": "the partner's system that named it",
        "filing_sha256": "SHA-256 of what is kept of it: who named it, the document, the digest of its scan",
    },
)
CHECK_JUDGED = Kind(
    "spot_check.judged",
    "抽查凭证已审核",
    "Somebody of the office looked at the document, or it never came.",
    {
        "check": "number of the spot check",
        "grant": "number of the grant",
        "verdict": "`accepted` or `failed`",
        "person": "account of who judged, or empty where the document never came",
        "duty": "under which duty",
        "reason_sha256": "SHA-256 of the reason given",
    },
)
WATCH_KINDS = (WATCH_STOPPED, WATCH_NOTICED, WATCH_ESCALATED, CHECK_ASKED, CHECK_FILED, CHECK_JUDGED)
