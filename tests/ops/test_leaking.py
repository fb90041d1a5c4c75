"""`bidui grant leak`, the table of docs/leak.md, and what a signer is shown of a figure by a gateway that may lie."""

from __future__ import annotations

import dataclasses
import json
import shutil
from contextlib import closing
from pathlib import Path
from typing import cast

import pytest
from typer.testing import CliRunner

from audit.entry import JsonValue
from gateway.deeds.deed import drawn
from gateway.deeds.document import Document, Kind
from gateway.deeds.steps import WITHDRAWAL
from gateway.domain.grant import canonical_document
from gateway.watch.leak import Leaks
from gateway.watch.leak_ground import Ground, ground_of, part_of_units
from gateway.watch.leak_signed import LeakDesk
from gateway.watch.thresholds import Thresholds
from ops.cli.main import app
from ops.cli.office.client import Told, to_text
from ops.cli.office.leaking import figure_of, figure_told
from ops.cli.office.problems import OfficeError, TamperedError
from ops.cli.office.reading import Read
from ops.cli.office.showing import whole
from ops.leaking import PRESETS, NoPlaceError, table, with_table
from ops.office import open_office
from ops.prove.homes import Stage
from policies.catalogue import load_catalogue
from tests.homes import ROOT, home_at
from tests.make import a_grant
from tests.people import a_document

RUN = CliRunner()
CATALOGUE = load_catalogue()
LEAKS = Leaks(catalogue=CATALOGUE)
DESK = LeakDesk(catalogue=CATALOGUE, register=lambda: 30_000)
GRANT = """
number = "G-1"
partner = "hr"
purpose = "payroll-check"
legal_basis = "某办法"
class = "open"
scope = ["root"]
hit_rate = 99
networks = ["10.0.0.0/8"]
hours = ["00:00-24:00"]
valid_from = 2026-01-01
valid_until = 2026-12-31
max_data_age_days = 30
tells_not_found = false
contact = "某联系人"
[fields]
name = "核对"
unit = "核对"
[limits]
subjects_per_day = 65
subjects_per_30_days = 450
subjects_per_year = 2700
comparisons_per_day = 195
"""


def a_draft(**changes: object) -> Document:
    """The document of a grant, its figure in it."""
    content = {name: value for name, value in canonical_document(a_grant(**changes)).items() if name != "number"}
    return DESK.filled(a_document(Kind.GRANT, "G-1", content), Ground())


def bent(document: Document, **changes: object) -> Document:
    """The same with another figure."""
    leak = cast("dict[str, object]", document.content["leak"])
    content = cast("dict[str, JsonValue]", {**document.content, "leak": {**leak, **changes}})
    return dataclasses.replace(document, content=content)


# ------------------------------------------------------------------------------------------------------- the command


def test_a_file_is_told_its_worst_without_a_gateway(tmp_path: Path) -> None:
    (tmp_path / "grant.toml").write_text(GRANT, encoding="utf-8")

    done = RUN.invoke(app, ["grant", "leak", str(tmp_path / "grant.toml"), "--register", "30000"])

    assert done.exit_code == 0, done.output
    assert "签批单 G-1" in done.output
    assert "最坏泄露" in done.output
    assert "若删去“工作单位”" in done.output or "若删去“" in done.output
    assert "名册约 30000 个对象" in done.output


def test_for_machines_it_is_the_figure_that_would_be_signed(tmp_path: Path) -> None:
    (tmp_path / "grant.toml").write_text(GRANT, encoding="utf-8")

    done = RUN.invoke(app, ["grant", "leak", str(tmp_path / "grant.toml"), "--json"])

    (told,) = json.loads(done.stdout)["grants"]
    assert told.pop("number") == "G-1"
    assert told["most"] == {"persons": 2700, "answers": 2700, "days": 365}
    assert told["basis"]["thresholds"] == LEAKS.digest


def test_a_scope_is_measured_by_a_tree_of_units(tmp_path: Path) -> None:
    (tmp_path / "grant.toml").write_text(GRANT.replace('"open"', '"scoped"'), encoding="utf-8")
    (tmp_path / "units.toml").write_text('root = ""\n"1" = "root"\n', encoding="utf-8")
    arguments = ["grant", "leak", str(tmp_path / "grant.toml"), "--register", "30000", "--json"]

    few, whole = (
        json.loads(RUN.invoke(app, [*arguments, *more]).stdout)["grants"][0]
        for more in ([], ["--units", str(tmp_path / "units.toml")])
    )

    assert (few["basis"]["scope"], whole["basis"]["scope"]) == (0, 1000)
    assert few["stolen"]["persons"]["worst"] < whole["stolen"]["persons"]["worst"] == whole["most"]["persons"]


WRONG = {"nothing": [], "no such file": ["nowhere.toml"], "a register below nothing": ["--presets", "--register", "-1"]}


@pytest.mark.parametrize("arguments", WRONG.values(), ids=WRONG.keys())
def test_what_it_cannot_work_out_it_says(arguments: list[str]) -> None:
    assert RUN.invoke(app, ["grant", "leak", *arguments]).exit_code == 2


def test_a_file_that_is_no_grant_is_told_what_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "grant.toml").write_text(GRANT.replace('class = "open"', 'class = "any"'), encoding="utf-8")

    done = RUN.invoke(app, ["grant", "leak", str(tmp_path / "grant.toml")])

    assert done.exit_code == 2
    assert "class" in done.stderr


def test_an_office_knows_its_units_and_the_size_of_its_register(rehearsed: Path, staged: Stage, tmp_path: Path) -> None:
    home = home_at(tmp_path / "home")
    shutil.copytree(rehearsed, home.path)
    office = open_office(home)

    with closing(office.store):
        ground = ground_of(office.standing())

    assert part_of_units([staged.root], ground.units) == 1000
    assert 0 < part_of_units([next(iter(ground.units.keys() - {staged.root}))], ground.units) < 1000
    assert office.leaks.register() > 500
    shutil.rmtree(home.index)
    assert office.leaks.register() == 0


# --------------------------------------------------------------------------------------------------------- the table


def test_the_documents_table_is_what_the_command_writes() -> None:
    document = (ROOT / "docs/leak.md").read_text(encoding="utf-8")

    assert with_table(document, table(LEAKS)) == document, "run `bidui grant leak --presets --into docs/leak.md`"


def test_the_table_is_written_between_its_marks_and_nowhere_else(tmp_path: Path) -> None:
    path = tmp_path / "leak.md"
    path.write_text("a\n<!-- begin presets -->\nold\n<!-- end presets -->\nb\n", encoding="utf-8")

    assert RUN.invoke(app, ["grant", "leak", "--presets", "--into", str(path)]).exit_code == 0

    written = path.read_text(encoding="utf-8")
    assert written.startswith("a\n<!-- begin presets -->\n")
    assert written.endswith("<!-- end presets -->\nb\n")
    assert "old" not in written
    assert all(preset.zh in written for preset in PRESETS.values())
    with pytest.raises(NoPlaceError):
        with_table("nothing", "table")


# -------------------------------------------------------------------------------------------- before somebody signs


def test_whoever_signs_reads_the_figure_and_that_it_was_worked_out_again() -> None:
    document = a_draft()

    told = whole(Read(drawn(document), document, {}, {}))

    assert "最坏泄露" in told
    assert "数目一致" in told
    assert "/leak" not in told


LIES = {
    "fewer days": {"most": {"persons": 1, "answers": 1, "days": 1}},
    "nothing saved": {"without": None},
    "a larger register": {"basis": {"plays": 100, "register": 10**9, "scope": 0, "thresholds": LEAKS.digest}},
    "no figure at all": {"stolen": "none"},
}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES.keys())
def test_a_gateway_that_lies_is_found_out_before_anything_is_signed(lie: dict[str, object]) -> None:
    document = bent(a_draft(), **lie)

    with pytest.raises(TamperedError):
        whole(Read(drawn(document), document, {}, {}))


def test_under_other_thresholds_it_is_said_that_nobody_checked() -> None:
    document = DESK.filled(a_draft(), Ground(Thresholds(check_share=0.05)))

    assert list(figure_of(document))[-1].endswith("未能复核此测算")


def test_a_draft_without_a_figure_is_said_to_have_none() -> None:
    content = {name: value for name, value in a_draft().content.items() if name != "leak"}

    assert list(figure_of(a_document(Kind.GRANT, "G-1", content))) == ["最坏泄露：此版签批单没有测算"]


def a_version(document: Document, state: str = "in_force", **changes: object) -> Told:
    told: dict[str, object] = {
        "state": state,
        "serial": 1,
        "path": document.path,
        "deed": to_text(drawn(document).encode()),
    }
    return told | changes


def test_of_several_versions_the_one_in_force_is_told() -> None:
    first, second = a_draft(), a_draft(valid_until="2026-06-30")

    in_force = figure_told([a_version(first), a_version(second, "pending", serial=2)])
    pending = figure_told([a_version(first, "refused"), a_version(second, "pending", serial=2)])

    assert (in_force[0], pending[0]) == ("第 1 版", "第 2 版")
    assert any("365 天" in line for line in in_force)
    assert any("181 天" in line for line in pending)


NONE = {"nothing": [], "refused alone": [a_version(a_draft(), "refused")]}
NONE |= {"withdrawn": [a_version(a_document(Kind.GRANT, "G-1", {"partner": "hr"}, path=WITHDRAWAL))]}


@pytest.mark.parametrize("found", NONE.values(), ids=NONE.keys())
def test_what_is_over_is_told_no_figure(found: list[Told]) -> None:
    assert figure_told(found) == []


def test_a_version_that_is_no_grant_is_no_ones_to_read() -> None:
    with pytest.raises(OfficeError):
        figure_told([a_version(a_document(Kind.GRANT, "G-1", {"partner": "hr"}))])
