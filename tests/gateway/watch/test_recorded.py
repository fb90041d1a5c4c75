"""What an entry keeps of what the watch saw, written and read back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.entry import JsonValue
from gateway.domain.answer import Cause
from gateway.ports import UnitFact
from gateway.watch.recorded import Seen, read_seen

UNITS = st.builds(
    UnitFact,
    st.binary(min_size=1, max_size=16),
    st.binary(min_size=1, max_size=16),
    st.integers(0, 10**7),
    st.integers(0, 10**9),
)
SEEN = st.builds(
    Seen,
    st.integers(0, 2**53),
    st.integers(0, 255),
    st.sampled_from(Cause) | st.none(),
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.none() | UNITS,
    st.booleans(),
)


@given(seen=SEEN)
def test_what_is_written_is_read_back(seen: Seen) -> None:
    assert read_seen({"cause": "x", "seen": seen.text()}) == seen


def test_what_is_usual_takes_little_room() -> None:
    seen = Seen(12, 3, Cause.CONFIRMED, is_known=True, is_decoy=False, is_first=True, is_mismatched=False)

    assert seen.text() == "12 3 confirmed kf"


NONE: dict[str, JsonValue] = {"an older entry": {"cause": "confirmed"}, "no table": "confirmed", "nothing": None}


@pytest.mark.parametrize("case", NONE)
def test_where_nothing_is_kept_nothing_was_seen(case: str) -> None:
    assert read_seen(NONE[case]) is None


WRONG: dict[str, JsonValue] = {
    "too few words": "12 3 confirmed",
    "half a unit": "12 3 confirmed kf ab cd",
    "a cause that there is not": "12 3 guessed kf",
    "letters that there are not": "12 3 confirmed kx",
    "no number": "a 3 confirmed kf",
    "no digits": "12 3 confirmed kf zz cd 1 2",
    "a list": [12],
    "empty": "",
}


@pytest.mark.parametrize("case", WRONG)
def test_what_nobody_here_wrote_is_no_observation(case: str) -> None:
    with pytest.raises(ValueError, match="in the form"):
        read_seen({"seen": WRONG[case]})
