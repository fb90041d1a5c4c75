"""The kinds of events about the log itself: its keys change, its old part goes, it is closed."""

from audit.kind import Kind

_DECIDED = {
    "deed": "SHA-256 of the deed that allows it",
    "by": "accounts of those who signed that deed",
}

KEY_TRUSTED = Kind(
    "key.trusted",
    "签名密钥已启用",
    "A key signs for this log from an index on, beside those before it.",
    {
        "purpose": "what it signs: checkpoint or receipt",
        "vkey": "the verifier key",
        "from_index": "first index, or tree size, it is good for",
        **_DECIDED,
    },
)
KEY_ENDED = Kind(
    "key.ended",
    "签名密钥已停用",
    "A key signs for this log no longer; its private half is destroyed. What it signed before keeps its worth.",
    {
        "purpose": "what it signed: checkpoint or receipt",
        "vkey": "the verifier key",
        "until": "first index, or tree size, that it is no longer good for",
        "successor": "the verifier key that signs instead",
        **_DECIDED,
    },
)
RETENTION_APPLIED = Kind(
    "retention.applied",
    "存证账旧条目已按保存期清除",
    "The bodies of old entries were deleted, after they were archived; their hashes stay, so every proof stays.",
    {
        "min_index": "entries below this index are no longer here, but for those that rights and keys rest on",
        "archive": "SHA-256 of the archive that holds them",
        "deleted": "how many bodies were deleted",
        **_DECIDED,
    },
)
LOG_CLOSED = Kind(
    "log.closed",
    "存证账已关闭",
    "The last entry of a log: another one goes on, whose entry 0 carries the checkpoint that covers this entry.",
    {
        "successor": "name of the log that goes on",
        "vkeys": "verifier keys of its signers",
        **_DECIDED,
    },
)
CARE_KINDS = (KEY_TRUSTED, KEY_ENDED, RETENTION_APPLIED, LOG_CLOSED)
