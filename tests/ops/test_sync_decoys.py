"""Decoys are sealed like people, are nobody, and are told apart by serve alone."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from adapters.index.directory import read_current
from policies.identifiers import parse_id_number
from tests.adapters.make_sources import number_of
from tests.ops.make_decoys import guarded, is_decoy, numbers, people, sealed, subject
from tests.ops.make_sync import KEYS, Office

PERSONS = 200
YESTERDAY = "2026-11-02 00:00:00"


@pytest.fixture
def office(tmp_path: Path) -> Office:
    """Two hundred people and, with them, ten decoys."""
    office = guarded(tmp_path)
    office.sync(people(PERSONS))
    return office


def test_a_full_sync_seals_the_share_that_was_set(office: Office) -> None:
    drawn = numbers(office)

    assert len(drawn) == 10
    assert all(parse_id_number(number) == number for number in drawn)
    assert len(sealed(office)) == PERSONS + 10
    assert {subject(office, number) for number in drawn} < sealed(office).keys()
    assert all(is_decoy(office, number) for number in drawn)


def test_nobody_of_the_register_is_a_decoy(office: Office) -> None:
    real = {number_of(n) for n in range(1, PERSONS + 1)}

    assert real.isdisjoint(numbers(office))
    assert not any(is_decoy(office, number) for number in real)


def test_counts_leave_them_out(office: Office) -> None:
    report = office.sync(people(PERSONS), full=True)

    manifest = read_current(office.home.index, KEYS.sync.public_key()).manifest
    assert (manifest.kinds["person"].subjects, manifest.kinds["person"].records) == (PERSONS, PERSONS)
    assert (report.subjects, report.records) == ({"person": PERSONS}, {"person": PERSONS})
    assert (report.changed, report.removed, report.kinds["person"].records) == (PERSONS, 0, PERSONS)
    assert "诱饵 decoys: 在用 in force" in report.text()
    assert not [word for word in report.text().replace(",", " ").split() if word in {"10", "210"}]
    assert msgspec.json.decode(report.json())["decoys"] == report.decoys
