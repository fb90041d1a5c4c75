"""The kinds of events about deeds: drawn up, signed, refused, in force."""

from audit.kind import Kind

_DEED = {
    "kind": "what the deed is about: person, partner, system, job, rulebooks, grant, cohort, agreement, undertaking, \
attestation, review, freeze, parameters, reveal, export, erasure, hold, retention, rollover, log_key or \
acknowledgement",
    "id": "its id: the grant's number, the account, the partner's code",
    "serial": "which version of it, from 1",
    "sha256": "SHA-256 of the document's RFC 8785 bytes, which are what is signed",
}

DEED_DRAWN = Kind(
    "deed.drawn",
    "文书已拟定",
    "Somebody drew up a deed, or narrowed the draft of another.",
    {
        **_DEED,
        "path": "the steps it will take",
        "author": "account that drew it up",
        "previous": "digest of the version that it would replace, or null",
        "narrows": "digest of the draft that it narrows, or null",
    },
)
DEED_SIGNED = Kind(
    "deed.signed",
    "文书已签署",
    "Somebody signed a step of a deed with a key of their own.",
    {
        **_DEED,
        "step": "the step that was signed",
        "person": "account of the signer",
        "key": "id of the key",
        "at": "time in the signature",
        "proof_sha256": "SHA-256 of the signature; it lies under the deed itself",
    },
)
DEED_REFUSED = Kind(
    "deed.refused",
    "文书被退回",
    "Somebody whose step it was refused a deed. It ends there.",
    {**_DEED, "step": "the step that was refused", "person": "account", "reason_sha256": "SHA-256 of the reason given"},
)
DEED_IN_FORCE = Kind(
    "deed.in_force",
    "文书已生效",
    "The last step was signed: the deed is in force, and replaces the version before.",
    {
        **_DEED,
        "path": "the steps it took",
        "previous": "digest of the version that it replaces, or null",
        "by": "accounts of the signers, in the order of their steps",
        "changed": "what differs from the version before, each `at` a place with `old` and `new`; long texts and \
personal members by digest or not at all",
        "more": "how many further differences there are",
        "rights": "digest over all deeds in force after this one; serve answers only while they agree with it",
    },
)
COHORT_FILED = Kind(
    "cohort.filed",
    "名册已报送",
    "Somebody filed a list for a closed grant. It counts for nothing until the deed that names it is in force.",
    {
        "grant": "number of the grant",
        "root": "root over the leaves of the well-formed rows, in hex; the salts are the partner's alone",
        "rows": "how many rows were well-formed",
        "malformed": "how many were not",
        "by": "account that filed it",
    },
)
DEED_KINDS = (DEED_DRAWN, DEED_SIGNED, DEED_REFUSED, DEED_IN_FORCE, COHORT_FILED)
