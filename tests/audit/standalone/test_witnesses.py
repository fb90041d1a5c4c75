"""Witness policies: the single file takes what ours takes, and counts as ours counts."""

import pytest

from audit.standalone.verdicts import WrongError
from audit.standalone.witnesses import Policy
from tests.audit.test_witness_policy import BAD, EXAMPLE, GOOD, QUORUMS, VKEYS


@pytest.mark.parametrize("case", BAD)
def test_what_is_nearly_a_policy_is_refused(case: str) -> None:
    with pytest.raises(WrongError):
        Policy(BAD[case])


@pytest.mark.parametrize("case", GOOD)
def test_what_the_specification_allows_is_read(case: str) -> None:
    content, names, met = GOOD[case]

    assert Policy(content).is_met_by({VKEYS[name] for name in names.split()}) is met


@pytest.mark.parametrize("case", QUORUMS)
def test_the_quorum_is_there_or_it_is_not(case: str) -> None:
    names, met = QUORUMS[case]
    policy = Policy(EXAMPLE.encode())

    assert policy.is_met_by({VKEYS[name] for name in names.split() if name in VKEYS}) is met
