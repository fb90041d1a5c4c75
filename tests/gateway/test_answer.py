"""What a caller is told of an outcome: never more than the permit, never the cause."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.answer import CHINESE, Cause, FieldCode, Outcome, SubjectCode, disclose
from policies.decision import Reason

TELLS_NOTHING_MORE: dict[Cause, SubjectCode] = {
    Cause.CONFIRMED: SubjectCode.CONFIRMED,
    Cause.ABSENT: SubjectCode.NOT_CONFIRMED,
    Cause.SCOPE: SubjectCode.NOT_CONFIRMED,
    Cause.GATE: SubjectCode.NOT_CONFIRMED,
    Cause.NOT_IN_COHORT: SubjectCode.NOT_CONFIRMED,
    Cause.DECOY: SubjectCode.NOT_CONFIRMED,
    Cause.LOCKED: SubjectCode.NOT_CONFIRMED,
}


@pytest.mark.parametrize("cause", list(Cause))
def test_causes_are_one_code(cause: Cause) -> None:
    told = disclose(Outcome(cause, {}), (), tells_not_found=False)

    assert told.subject is TELLS_NOTHING_MORE[cause]


@pytest.mark.parametrize("cause", list(Cause))
def test_only_nobody_at_all_is_not_found(cause: Cause) -> None:
    told = disclose(Outcome(cause, {}), (), tells_not_found=True)

    is_nobody = cause in {Cause.ABSENT, Cause.DECOY}
    expected = SubjectCode.NOT_FOUND if is_nobody else TELLS_NOTHING_MORE[cause]
    assert told.subject is expected


FIELDS = st.sampled_from(["name", "unit", "sex", "post", "title"])


@given(
    st.sampled_from(list(Cause)),
    st.dictionaries(FIELDS, st.sampled_from(list(FieldCode))),
    st.lists(st.tuples(FIELDS, st.just("equals")), unique=True),
    st.booleans(),
)
def test_every_field_asked_has_a_code_and_no_other_field_has(
    cause: Cause, codes: dict[str, FieldCode], asked: list[tuple[str, str]], tells: bool
) -> None:
    told = disclose(Outcome(cause, codes), tuple(asked), tells_not_found=tells)

    assert list(told.fields) == [field for field, _ in asked]
    assert all(told.fields[field] is codes.get(field, FieldCode.NOT_AUTHORISED) for field, _ in asked)


def test_every_code_has_a_word_of_its_own_for_people() -> None:
    codes = [*SubjectCode, *FieldCode]

    assert {code.value for code in codes} | {"refused"} == CHINESE.keys()
    assert len(set(CHINESE.values())) == len(CHINESE)
    assert not {reason.value for reason in Reason} & {code.value for code in codes}
