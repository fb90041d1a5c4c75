"""The kinds of events about officers' searches: each stands in the ledger before anything was found."""

from audit.kind import Kind

_BY = {"person": "account that searched", "duty": "its duty"}
_SOUGHT = {
    "terms": "which of subject, operator and matter were named; what they were is disclosed below, never here",
    "kind": "kind of subject that was named, or null",
}
_SECRETS = {
    "subject": "the number of the person or organisation searched for, or empty",
    "operator": "the account or job searched for, or empty",
    "matter": "the matter because of which a person was searched for, or empty",
    "inner": "the matter searched for, or empty",
}

TRAIL_SEARCHED = Kind(
    "trail.searched",
    "存证账已检索",
    "An officer searched the ledger, a page at a time. Recorded before it was answered: the answer covers what is \
before this entry.",
    {
        **_BY,
        **_SOUGHT,
        "filter": "words of clear parts, by member; `since` and `until` by the log time",
        "before": "where the page goes on, or null for the first",
        "limit": "how many entries the page may hold",
    },
    _SECRETS,
)
TRAIL_REFUSED = Kind(
    "trail.refused",
    "检索被拒绝",
    "An officer who had searched for as many persons this day as one may was not answered.",
    {**_BY, **_SOUGHT, "cause": "`budget`", "limit": "how many persons a day"},
    _SECRETS,
)
SEARCH_KINDS = (TRAIL_SEARCHED, TRAIL_REFUSED)
