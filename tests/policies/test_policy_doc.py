"""docs/policy.md is true: its examples are a version that passes, its table of refusals is ours, its commands exist."""

from __future__ import annotations

import re
from pathlib import Path

from policies.loader import SHIPPED_RULEBOOKS
from policies.problems import ADVICE
from policies.publication import Texts, examine
from tests.policies.rules import CATALOGUE

PAGE = (Path(__file__).parents[2] / "docs" / "policy.md").read_text("utf-8")


def test_its_examples_are_a_version_that_passes() -> None:
    rulebook, table = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    texts = Texts({"shenji.toml": rulebook}, {"shenji.toml": table}, {"org:150100": None, "org:150102": "org:150100"})

    assert examine(texts, CATALOGUE, {}).lines == ()


def test_its_table_of_refusals_is_ours() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (.*) \|$", PAGE, re.MULTILINE)

    assert dict(rows) == {pitfall.value: advice for pitfall, advice in ADVICE.items()}


def test_it_names_every_shipped_department() -> None:
    shipped = {path.stem for path in SHIPPED_RULEBOOKS.glob("*.toml")} - {"common"}

    assert set(re.findall(r"`dept:(\w+)` \|", PAGE)) == shipped
