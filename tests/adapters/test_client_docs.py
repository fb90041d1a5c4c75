"""What the client's documents show is true: their code compiles against the client, their queries are queries."""

from __future__ import annotations

import ast
import dataclasses
import json
import re
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

import bidui_client
from gateway.api.body import parse
from gateway.domain.query import parse_query
from ops.cli.compare import compare
from policies.catalogue import load_catalogue

ROOT = Path(__file__).parents[2]
DOCUMENTS = {name: (ROOT / name).read_text() for name in ("docs/quickstart-partner.md", "adapters/client/README.md")}
KEYWORDS = {
    "Account": {field.name for field in dataclasses.fields(bidui_client.Account)},
    "compare": set(bidui_client.Question.__annotations__),
    "tls_context": {"certificate", "key", "ca"},
    "check_receipt": {"request", "answer"},
}


def _blocks(name: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", DOCUMENTS[name], re.DOTALL)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_python_blocks_use_what_there_is(name: str) -> None:
    trees = [ast.walk(ast.parse(block)) for block in _blocks(name, "python")]
    nodes = [node for tree in trees for node in tree]
    imported = [
        alias.name
        for node in nodes
        if isinstance(node, ast.ImportFrom) and node.module == "bidui_client"
        for alias in node.names
    ]

    assert set(imported) <= set(bidui_client.__all__)
    assert "Client" in imported
    for call in (node for node in nodes if isinstance(node, ast.Call)):
        called = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
        assert {keyword.arg for keyword in call.keywords} <= KEYWORDS.get(called, {each.arg for each in call.keywords})


def test_the_query_of_the_quickstart_is_one() -> None:
    [query] = _blocks("docs/quickstart-partner.md", "json")

    assert json.loads(query)["subject"]["kind"] == "person"
    parse_query(parse(query.encode()), load_catalogue())


def test_the_claims_of_the_python_blocks_are_of_the_catalogue() -> None:
    fields = load_catalogue().fields
    shown = [
        claim
        for name in DOCUMENTS
        for claim in re.findall(r'Claim\("(\w+)", "([^"]+)"(?:, "(\w+)")?\)', DOCUMENTS[name])
    ]

    assert len(shown) == 4
    for key, value, comparator in shown:
        assert (comparator or "equals") in fields[key].comparators
        fields[key].normalise(value)


def test_the_options_of_the_command_exist() -> None:
    app = typer.Typer()
    app.command()(compare)
    known = set(re.findall(r"--[a-z-]+", CliRunner().invoke(app, ["--help"], terminal_width=200).stdout))
    [command] = [block for block in _blocks("docs/quickstart-partner.md", "sh") if "bidui compare query" in block]

    assert set(re.findall(r"--[a-z-]+", command)) <= known


def test_every_error_of_the_client_is_in_its_readme() -> None:
    errors = {name for name in bidui_client.__all__ if name.endswith("Error")} - {"NotKeptError"}

    assert all(name in DOCUMENTS["adapters/client/README.md"] for name in errors)
