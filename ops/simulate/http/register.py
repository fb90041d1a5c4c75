"""Writes the register of a world as a source that `bidui sync` reads, with its mapping and its tree of units."""

from __future__ import annotations

import csv
import secrets
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from adapters.keys.files import private_folder
from adapters.keys.ring import sync_keys
from ops.settings import Home, load
from ops.simulate.fields import FIELDS, UNIT, name_of
from ops.simulate.numbers import texts_of
from ops.simulate.standins import ROOT
from ops.simulate.world import World
from ops.sync import SyncSettings, run
from ops.sync.decoys.custody import make_custodian
from ops.sync.report import LoadReport
from policies.catalogue import load_catalogue

CUSTODIANS = ("sim-youer-a", "sim-youer-b")
"""Who holds the keys of the list of decoys."""
_SYNC = """workers = 1
[[sources]]
file = "source/persons.csv"
mapping = "person.toml"
"""
_MAPPING = """kind = "person"
[source]
table = "persons.csv"
key = ["number"]
identifier = ["number"]
[unit]
column = "code"
parents = { table = "units.csv", code = "code", parent = "parent" }
[fields]
name = "name"
"""


def write_source(home: Home, world: World) -> None:
    """The source, its mapping, the tree of units, and what sync is told."""
    source = private_folder(home.path / "source")
    tree = dict(units_of(world))
    _write(source / "persons.csv", ("number", "name", "code", *FIELDS), _persons(world))
    _write(source / "units.csv", ("code", "parent"), tree.items())
    mapping = _MAPPING + "".join(f'{key} = "{key}"\n' for key in FIELDS)
    (home.folder("mappings") / "person.toml").write_text(mapping, encoding="utf-8")
    (home.path / "sync.toml").write_text(_SYNC, encoding="utf-8")
    lines = (f'"{code}" = "{above}"\n' for code, above in tree.items())
    (home.path / "units.toml").write_text("".join(lines), encoding="utf-8")


def seal_register(home: Home) -> LoadReport:
    """`bidui sync` as it is, with decoys that two made-up people answer for."""
    people = private_folder(home.keys / "people")
    for name in CUSTODIANS:
        make_custodian(home.keys, name, people / f"{name}.pem", None, secrets.token_bytes)
    return run(load(home, "sync.toml", SyncSettings), home, sync_keys(home.path), load_catalogue())


def units_of(world: World) -> Iterator[tuple[str, str]]:
    """Each unit with the one above it: the league, its regions, the organisations in them."""
    yield ROOT, ""
    regions: list[int] = world.regions.tolist()
    yield from ((f"region-{region}", ROOT) for region in sorted(set(regions)))
    yield from ((f"unit-{unit}", f"region-{region}") for unit, region in enumerate(regions))


def _persons(world: World) -> Iterator[Sequence[str]]:
    numbers, names, claims = texts_of(world.keys), world.names.tolist(), world.values.claims
    for number, name, codes in zip(numbers, names, world.codes.tolist(), strict=True):
        values = [claims[field][code].value for field, code in enumerate(codes)]
        yield number, name_of(name), f"unit-{codes[UNIT]}", *values


def _write(path: Path, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])
