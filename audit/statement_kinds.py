"""The kinds of events about statements and about reports of who compared a person."""

from audit.kind import Kind

STATEMENT_MADE = Kind(
    "statement.made",
    "对账单已出具",
    "The statements of a partner's systems for one day were signed. Recorded with them, in one transaction.",
    {
        "day": "the local day (Asia/Shanghai)",
        "before": "first entry that is no longer of that day",
        "statements": "for each system: `system`, SHA-256 of its statement's body, how many comparisons were \
`answered` and `refused`",
    },
)
STATEMENT_DISPUTED = Kind(
    "statement.disputed",
    "对账单有异议",
    "A system or a head does not agree with a statement: entries are unknown to it, or its receipts are missing.",
    {
        "dispute": "number of the dispute",
        "by": "`system`: the check of its client; `head`: the acknowledgement of a month",
        "system": "the system, or null where a whole month is disputed",
        "period": "the local day, or the month",
        "unknown": "entries of the statement that the system does not know, at most 300 of them",
        "missing": "entries whose receipts it holds and that are not in the statement, at most 300 of them",
    },
)
STATEMENT_SETTLED = Kind(
    "statement.settled",
    "对账异议已处理",
    "An officer closed a dispute with a finding.",
    {"dispute": "number of the dispute", "by": "account", "duty": "its duty", "finding_sha256": "SHA-256 of the text"},
)
ACCESS_REPORTED = Kind(
    "access.reported",
    "查询情况报告已出具",
    "Somebody of the office asked who had compared a person. Recorded before anything was shown.",
    {
        "person": "account that asked",
        "duty": "its duty",
        "before": "the cut-off: entries before this one were looked at; of a report it is the search that was recorded \
first, and holds the matter it is for",
        "found": "how many entries the report tells of",
        "kind": "kind of subject: person or organisation",
        "use": "what for: report (of everything about one subject) or sealed (monthly number of sealed entries)",
    },
    {"subject": "the subject's number, where there is one"},
)
STATEMENT_KINDS = (STATEMENT_MADE, STATEMENT_DISPUTED, STATEMENT_SETTLED, ACCESS_REPORTED)
