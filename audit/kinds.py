"""The kinds of events: what each says in clear and what it commits to. `docs/audit-events.md` is made from this."""

from audit.account_kinds import ACCOUNT_KINDS
from audit.care_kinds import CARE_KINDS
from audit.deed_kinds import DEED_KINDS
from audit.erasure_kinds import ERASURE_KINDS
from audit.evidence_kinds import EVIDENCE_KINDS
from audit.kind import Kind
from audit.search_kinds import SEARCH_KINDS
from audit.state_kinds import STATE_KINDS
from audit.statement_kinds import STATEMENT_KINDS
from audit.trail_kinds import TRAIL_KINDS
from audit.watch_kinds import WATCH_KINDS

_ASKED = {
    "client": "the partner's system that asked",
    "grant": "number of the partner's grant it asked under, or null where there is no such grant",
    "purpose": "purpose, or null where it is not that of the grant",
    "kind": "kind of subject: person or organisation",
    "fields": "fields asked, each with its comparator, in the order asked; never a claimed value",
    "as_of": "reference date asked for, or null for the present",
    "network": "class of the network the request came from, never an address",
    "counts": "how many rows and claims the request had",
    "policy": "number and SHA-256 of the rulebooks that judged",
    "request_sha256": "salted digest of the request; only the caller holds the salt",
    "response_sha256": "digest of the answer under the same salt",
    "signature": "of a signed request alone: its parameters, its signature (RFC 9421), the digest of what was signed; \
each a line, base64",
}
_SECRETS = {
    "subject": "the subject's number",
    "operator": "the enrolled person or job behind the request",
    "matter": "number of the matter it named, or null",
    "inner": "the cause as it was inside, each budget before and after, and what the watch saw where it looked",
}

COMPARISON_ANSWERED = Kind(
    "comparison.answered",
    "比对已答复",
    "A comparison was answered with these codes.",
    {
        **_ASKED,
        "rules": "ids of the rules that allowed it",
        "data": "version and time of the register data that answered",
        "outcome": "the subject's code and each field's code, as told",
    },
    _SECRETS,
)
COMPARISON_REFUSED = Kind(
    "comparison.refused",
    "比对被拒绝",
    "A comparison was refused. The caller is told a class and an incident, so the clear part names no rule.",
    {
        **_ASKED,
        "data": "version and time of the register data in force, or null",
        "outcome": "`refused`: the reason class, and `incident`: its number, as told",
    },
    {**_SECRETS, "rules": "ids of up to eight of the rules behind it, and how many more there were"},
)
LOG_OPENED = Kind(
    "log.opened",
    "存证账已开启",
    "Entry 0: which log this is and who signs it.",
    {
        "origin": "the log's name, first line of its checkpoints",
        "vkeys": "verifier keys of its signers",
        "founders": "the first three administrators: account, duty, and the key that their activation code yields",
        "previous": "final checkpoint of the log before it, or null",
    },
)
GENERATION_ADOPTED = Kind(
    "generation.adopted",
    "数据版本已启用",
    "The sealed index answers from this state of the register from now on.",
    {
        "generation": "name of the generation",
        "data": "its version (digest) and time",
        "manifest_sha256": "SHA-256 of the manifest that sync signed",
        "catalogue": "version and SHA-256 of the data standard it was sealed by",
        "records": "how many records of each kind it holds",
    },
)

KINDS = (
    COMPARISON_ANSWERED,
    COMPARISON_REFUSED,
    LOG_OPENED,
    GENERATION_ADOPTED,
    *DEED_KINDS,
    *ACCOUNT_KINDS,
    *CARE_KINDS,
    *TRAIL_KINDS,
    *ERASURE_KINDS,
    *SEARCH_KINDS,
    *STATEMENT_KINDS,
    *STATE_KINDS,
    *WATCH_KINDS,
    *EVIDENCE_KINDS,
)


def markdown() -> str:
    """Write `docs/audit-events.md`."""
    return "\n".join([_HEAD, *(_section(kind) for kind in KINDS)])


_HEAD = """# 审计事件 · audit events

Generated from `audit/kinds.py`; a test fails when the two differ.

Every entry of the ledger is one JSON object in canonical form (RFC 8785) with these members, then its `body`:

| member | meaning |
|---|---|
| `v`, `suite` | form of the entry (1) and the cryptographic suite |
| `id` | UUIDv7, unique; finds an entry again when a commit was in doubt |
| `seq` | place in the ledger, from 0, without gaps |
| `type` | one of the kinds below |
| `time`, `log_time` | when it was decided; when it was recorded, strictly increasing; UTC |
| `node` | the gateway node that recorded it |
| `partner`, `pseq`, `pprev` | the partner it belongs to, its place in that partner's chain from 0, leaf hash \
of the entry before; absent when it belongs to none |
| `_sd` | six digests of disclosures and decoys (RFC 9901), sorted |

Disclosures lie encrypted beside the log and can be erased; the digests stay. What is erased together lies in one \
frame: the subject alone; operator, matter and inner; rules. Every frame of one kind is equally long, and each \
disclosure has a salt and a digest of its own, so that one can be shown without the others.
"""


def _section(kind: Kind) -> str:
    rows = [f"| `{name}` | {meaning} |" for name, meaning in sorted(kind.body.items())]
    rows += [f"| `{name}` (disclosure) | {meaning} |" for name, meaning in kind.secrets.items()]
    return "\n".join([f"## {kind.type} · {kind.zh}", "", kind.en, "", "| member | meaning |", "|---|---|", *rows, ""])
