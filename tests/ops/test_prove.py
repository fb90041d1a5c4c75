"""The long proofs themselves: their table is fit for use, and their page says what came of them."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from ops.prove import mutations
from ops.prove.mutations import Mutation, Tried
from ops.prove.programs import ProofError
from ops.prove.report import Part, mutation_part, write

ROOT = Path(__file__).parents[2]
ALL = mutations.mutations()
PROMISES = {path.stem.removeprefix("test_") for path in (ROOT / "tests/invariants").glob("test_*.py")}


@pytest.mark.parametrize("each", ALL, ids=lambda each: f"{each.promise}: {each.what}")
def test_what_is_to_be_broken_stands_there_once(each: Mutation) -> None:
    assert not mutations.missing(each)
    assert each.find != each.put


def test_every_promise_is_broken_somehow() -> None:
    assert {each.promise for each in ALL} == PROMISES


def test_a_text_that_is_gone_is_told_before_anything_runs() -> None:
    gone = msgspec.structs.replace(ALL[0], find="what nobody wrote")

    with pytest.raises(ProofError, match=r"mend ops/prove/mutations\.toml"):
        list(mutations.try_all([gone]))


def test_a_mutation_that_nobody_noticed_does_not_hold() -> None:
    noticed, missed = Tried(mutation=ALL[0], noticed_by="test_x"), Tried(mutation=ALL[1], noticed_by=None)

    assert mutation_part([noticed]).holds
    assert not mutation_part([noticed, missed]).holds
    assert "**nobody**" in mutation_part([noticed, missed]).text


def test_a_part_that_is_run_again_replaces_its_own_section_alone(tmp_path: Path) -> None:
    page = tmp_path / "proofs.md"
    one, two = Part(title="One", text="first\n", holds=True), Part(title="Two", text="second\n", holds=True)
    write([one, two], page)

    write([Part(title="One", text="again\n", holds=True)], page)

    said = page.read_text()
    assert said.startswith("# Long proofs\n")
    assert said.index("## One\n\nagain") < said.index("## Two\n\nsecond")
    assert "first" not in said
