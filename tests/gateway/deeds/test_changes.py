"""Old → new, as the ledger tells it for ever: complete, short, and nobody's name."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.entry import JsonValue
from gateway.deeds.changes import MAX_CHANGES, PERSONAL, changes
from gateway.deeds.document import Kind
from gateway.deeds.persons import person_content
from gateway.domain.people import Duty
from tests.people import a_person

Told = list[dict[str, JsonValue]]
TABLE: dict[str, tuple[Mapping[str, JsonValue], Mapping[str, JsonValue], Told]] = {
    "nothing": ({"a": 1}, {"a": 1}, []),
    "a value": ({"a": 1}, {"a": 2}, [{"at": "/a", "old": 1, "new": 2}]),
    "a member more": ({}, {"a": 1}, [{"at": "/a", "old": "-", "new": 1}]),
    "a member less": ({"a": 1}, {}, [{"at": "/a", "old": 1, "new": "-"}]),
    "another type": ({"a": 1}, {"a": "1"}, [{"at": "/a", "old": 1, "new": "1"}]),
    "deep inside": ({"a": {"b": [1, 2]}}, {"a": {"b": [1, 3]}}, [{"at": "/a/b/1", "old": 2, "new": 3}]),
    "a list that is longer": ({"a": [1]}, {"a": [1, 2]}, [{"at": "/a/1", "old": "-", "new": 2}]),
    "a list that is empty": (
        {"a": [1]},
        {"a": []},
        [{"at": "/a", "old": "-", "new": []}, {"at": "/a/0", "old": 1, "new": "-"}],
    ),
    "several, by place": (
        {"b": 1, "a": 1},
        {"b": 2, "a": 2},
        [{"at": "/a", "old": 1, "new": 2}, {"at": "/b", "old": 1, "new": 2}],
    ),
}


@pytest.mark.parametrize(("old", "new", "told"), TABLE.values(), ids=TABLE)
def test_what_differs_is_told_with_its_place(
    old: Mapping[str, JsonValue], new: Mapping[str, JsonValue], told: Told
) -> None:
    assert changes(Kind.SYSTEM, old, new) == (told, 0)


def test_a_long_text_is_told_by_its_digest() -> None:
    long, longer = "某" * 121, "某" * 122

    ((told,), _) = changes(Kind.RULEBOOKS, {"a": long}, {"a": longer})

    assert told["old"] == f"sha256:{sha256(long.encode()).hexdigest()}"
    assert told["new"] == f"sha256:{sha256(longer.encode()).hexdigest()}"


def test_of_very_many_differences_the_rest_is_counted() -> None:
    told, more = changes(Kind.RULEBOOKS, {}, {f"m{number:03}": number for number in range(MAX_CHANGES + 7)})

    assert (len(told), more) == (MAX_CHANGES, 7)


def test_a_person_is_told_without_name_and_number() -> None:
    before = a_person("li.ming", Duty.CLERK, "hr")
    after = a_person("li.ming", Duty.CLERK, "hr", name="李明明", natural="f" * 32, active=False)

    told, _ = changes(Kind.PERSON, person_content(before), person_content(after))

    assert [each["at"] for each in told] == ["/active", "/name", "/natural"]
    for text in (before.name, after.name, before.natural, after.natural):
        assert text not in str(told)


HIDDEN = {Kind.PARTNER: "contact", Kind.GRANT: "contact", Kind.JOB: "name", Kind.REVIEW: "text"}


@pytest.mark.parametrize(("kind", "member"), HIDDEN.items(), ids=[kind.value for kind in HIDDEN])
def test_whom_to_call_is_told_to_have_changed_and_no_more(kind: Kind, member: str) -> None:
    told, _ = changes(kind, {member: "李某 139"}, {member: {"name": "王某", "phones": ["138"]}})

    assert told
    assert all(each["at"] == f"/{member}" or str(each["at"]).startswith(f"/{member}/") for each in told)
    assert {str(each[side]) for each in told for side in ("old", "new")} <= {"-", "***"}


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(0, 5) | st.text("ab", max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc/~", max_size=3), inner, max_size=3),
    max_leaves=8,
)
CONTENTS = st.dictionaries(st.text("abc/~", max_size=3), VALUES, max_size=4)


@given(CONTENTS, CONTENTS)
def test_nothing_changes_unseen(old: dict[str, JsonValue], new: dict[str, JsonValue]) -> None:
    told, more = changes(Kind.SYSTEM, old, new)

    assert bool(told or more) == (_typed(old) != _typed(new))


def _typed(value: object) -> object:
    """The value with its types: in JSON, 1 is not true."""
    if isinstance(value, dict):
        return {name: _typed(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_typed(each) for each in value]
    return type(value).__name__, value


def test_every_kind_says_what_of_it_the_ledger_does_not_tell() -> None:
    """A new kind with a personal member must not slip into entries that nobody can erase."""
    assert PERSONAL.keys() == set(Kind)
