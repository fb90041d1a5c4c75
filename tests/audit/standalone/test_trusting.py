"""Trust files: the single file takes what ours takes, and refuses what ours refuses."""

from io import BytesIO

import pytest

from audit.errors import NoteError
from audit.note import Algorithm, make_vkey
from audit.sm2 import LABEL
from audit.standalone.trusting import own_trust, parse_trust
from audit.standalone.verdicts import INCOMPLETE, Report, UnreadableError, WrongError
from audit.standalone.zips import Zipped
from audit.trust import Trust, TrustedKey
from audit.trust import parse_trust as parse_ours
from tests.audit.make import LOG_SIGNERS, ORIGIN, a_trust
from tests.audit.standalone.test_zips import zipped
from tests.audit.test_trust import REFUSED

# The generator of the curve: whoever signs with it is not asked here.
POINT = bytes.fromhex(
    "0432c4ae2c1f1981195f9904466a39c9948fe30bbff2660be1715a4589334c74c7"
    "bc3736a2f4f6779c59bdcee36b692153d0a9877cc62a474002df32e52139f0a0"
)
SM2 = str(make_vkey(ORIGIN, Algorithm.OTHER, LABEL + POINT))
MIXED = Trust(ORIGIN, (TrustedKey(LOG_SIGNERS[0].vkey, "checkpoint"), TrustedKey(SM2, "checkpoint")))


@pytest.mark.parametrize("case", REFUSED)
def test_both_refuse_what_is_nearly_a_trust_file(case: str) -> None:
    with pytest.raises(WrongError):
        parse_trust(REFUSED[case].encode())


def test_keys_of_two_suites_make_no_trust_file() -> None:
    """Of two suites, which one hashes the log? The answer must not depend on who reads the file."""
    with pytest.raises(WrongError, match="one suite"):
        parse_trust(MIXED.encode())
    with pytest.raises(NoteError, match="one suite"):
        parse_ours(MIXED.encode())
    assert parse_trust(Trust(ORIGIN, (TrustedKey(SM2, "checkpoint"),)).encode()).suite == "gm"


@pytest.mark.parametrize("until", [None, 10])
def test_a_key_is_good_for_its_range(until: int | None) -> None:
    trust = parse_trust(a_trust(until).encode() + b"\n")

    assert [len(trust.good_for("checkpoint", number)) for number in (0, 9, 10)] == [2, 2, 0 if until else 2]
    assert [len(trust.good_for("receipt", number)) for number in (0, 9, 10)] == [1, 1, 0 if until else 1]


ARCHIVES = {
    "none": (("export.json", b"{}"),),
    "one that is none": (("trust.json", b"{}"),),
}


@pytest.mark.parametrize("case", ARCHIVES)
def test_without_any_trust_file_nothing_can_be_told(case: str) -> None:
    report = Report(size=1)

    with pytest.raises(UnreadableError, match=r"trust\.json"):
        own_trust(Zipped(BytesIO(zipped(*ARCHIVES[case])), r"(export|trust)\.json"), report)
    assert report.verdict == INCOMPLETE
