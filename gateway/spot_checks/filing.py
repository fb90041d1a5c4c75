"""What may become of a spot check, by the table of its states: filed, corrected, judged, and then nothing more."""

from __future__ import annotations

from hashlib import sha256

from msgspec.structs import replace

from audit.entry import encode
from audit.events import Draft
from audit.watch_events import check_filed
from gateway.domain.caller import Caller, OperatorKind
from gateway.domain.document_names import read_digest, read_document
from gateway.domain.errors import ConflictError, InvalidQueryError
from gateway.domain.spot_check import NEXT, CheckState, SpotCheck
from gateway.spot_checks.keeping import Filing

MOST_FILINGS = 10
"""How often a document may be named: each time is an entry."""
_GONE = {
    CheckState.DUE: "凭证逾期未交，不能再提交，请凭编号联系机构编制部门",
    CheckState.FILED: f"此凭证已更正 {MOST_FILINGS - 1} 次，不能再更正，请凭编号联系机构编制部门",
    CheckState.ACCEPTED: "此凭证已审核通过，不能更正",
    CheckState.FAILED: "此凭证未通过审核或逾期未交，不能再提交，请凭编号联系机构编制部门",
}
NOT_FILED = {
    CheckState.DUE: "凭证尚未提交，无可审核",
    CheckState.ACCEPTED: "此凭证已审核通过",
    CheckState.FAILED: "此凭证已判为不合格或逾期未交",
}


def filing_sha256(check: SpotCheck) -> str:
    """The digest of what was named, as the ledger has it; whoever judges says by it what they looked at."""
    named = {"check": check.number, "document": check.document, "operator": check.operator, "sha256": check.digest}
    return sha256(encode({**named})).hexdigest()


def read_filing(caller: Caller, filing: Filing) -> Filing:
    """A filing as it is kept, by somebody who may name documents. Raises `InvalidQueryError`."""
    operator = caller.operator(filing.operator)
    if operator is None or operator.kind is not OperatorKind.PERSON:
        raise InvalidQueryError("operator 须为本部门登记的经办人员（定时任务不能提交凭证）", "operator")
    return Filing(document=read_document(filing.document), sha256=read_digest(filing.sha256), operator=filing.operator)


def filing_of(check: SpotCheck) -> Filing:
    """What was named last."""
    return Filing(document=check.document, sha256=check.digest, operator=check.operator)


def filed_as(check: SpotCheck, filing: Filing, day: int) -> SpotCheck:
    """The same check with a document named. Raises `InvalidQueryError` where none is taken any more."""
    is_late = check.state is CheckState.DUE and day >= check.late
    if is_late or CheckState.FILED not in NEXT[check.state] or check.filings >= MOST_FILINGS:
        raise InvalidQueryError(_GONE[check.state], "number")
    return replace(
        check,
        state=CheckState.FILED,
        document=filing.document,
        digest=filing.sha256,
        operator=filing.operator,
        filed=max(day, check.opened),
        filings=check.filings + 1,
    )


def moved(check: SpotCheck, state: CheckState, day: int) -> SpotCheck:
    """The same, judged. A clock that was put back takes nothing back: the day is none before the check."""
    if state not in NEXT[check.state]:
        raise ConflictError(NOT_FILED[check.state])
    return replace(check, state=state, judged=max(day, check.opened, check.filed))


def told(check: SpotCheck, client: str) -> Draft:
    """What the ledger is told of a filing."""
    return check_filed(number=check.number, grant=check.grant, client=client, filing_sha256=filing_sha256(check))
