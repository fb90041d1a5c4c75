"""The errors of the audit room, one tree.

    AuditError
    ├── EntryError         a value or a byte string cannot be a ledger entry
    ├── DisclosureError    a disclosure does not fit its frame, or cannot be opened
    ├── LedgerError        the ledger cannot take this entry now; nothing was written
    ├── NoteError          a signed note, checkpoint or verifier key is malformed or not verified
    │   └── UnsignedError  no known key signed it: evidence is missing rather than wrong
    ├── ProofError         a proof does not lead from what it names to the root
    ├── ReceiptError       a receipt is malformed or not signed by the key expected
    ├── SuiteError         there is no such cryptographic suite, or not on this machine
    └── ArchiveError       a file that carries evidence cannot be made, or is not of the form it should have

No message carries a subject number, an operator or a claimed value.
"""


class AuditError(Exception):
    """Base of every error the audit room raises."""


class EntryError(AuditError):
    """A value or a byte string cannot be a ledger entry."""


class DisclosureError(AuditError):
    """A disclosure does not fit its frame, or cannot be opened with the key at hand."""


class LedgerError(AuditError):
    """The ledger cannot take this entry now; nothing was written."""


class NoteError(AuditError):
    """A signed note, a checkpoint or a verifier key is malformed or not verified."""


class UnsignedError(NoteError):
    """No known key signed the note: evidence is missing rather than wrong."""


class ProofError(AuditError):
    """A proof does not lead from what it names to the root."""


class ReceiptError(AuditError):
    """A receipt is malformed or not signed by the key expected."""


class SuiteError(AuditError):
    """There is no such cryptographic suite, or this machine lacks what it needs."""


class ArchiveError(AuditError):
    """A file that carries evidence cannot be made, or is not of the form it should have."""


class WitnessError(AuditError):
    """A request to a witness, or a witness policy, is malformed."""
