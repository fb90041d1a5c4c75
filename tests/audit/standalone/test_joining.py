"""The one file: it stands alone, says what our own verifier says, and is the same everywhere."""

import ast
import subprocess
import sys
from collections import Counter
from pathlib import Path

from audit.kinds import KINDS
from audit.standalone import joining
from audit.standalone.bundles import SECRETS
from audit.standalone.joining import FILE_NAME, PARTS, joined
from audit.standalone.steps import PATHS
from gateway.deeds.steps import PATHS as OURS
from tests.audit.make import a_checkpoint_of, a_log, a_trust
from tests.audit.standalone.test_log import exported


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    """Runs the file in a folder of its own, where nothing of ours can be imported."""
    program = folder / FILE_NAME
    program.write_text(joined(), encoding="utf-8")
    command = [sys.executable, "-I", "-B", str(program), *arguments]
    return subprocess.run(command, check=False, capture_output=True, cwd=folder, timeout=60)


def test_the_file_verifies_a_log_on_its_own(tmp_path: Path) -> None:
    log = a_log(300)
    (tmp_path / "log.zip").write_bytes(exported(log, [a_checkpoint_of(log)]).getvalue())
    (tmp_path / "trust.json").write_bytes(a_trust().encode())

    codes = {
        "proven": run(tmp_path, "log", "log.zip", "--trust", "trust.json").returncode,
        "no trust": run(tmp_path, "log", "log.zip").returncode,
        "no file": run(tmp_path, "log", "other.zip", "--trust", "trust.json").returncode,
        "no zip": run(tmp_path, "log", "trust.json", "--trust", "trust.json").returncode,
        "no command": run(tmp_path).returncode,
        "nonsense": run(tmp_path, "log", "log.zip", "--nonsense").returncode,
    }

    assert codes == {"proven": 0, "no trust": 2, "no file": 3, "no zip": 3, "no command": 3, "nonsense": 3}
    assert {path.name for path in tmp_path.iterdir()} == {"log.zip", "trust.json", FILE_NAME}


def test_the_file_imports_nothing_but_the_standard_library_and_cryptography() -> None:
    imported = set[str]()
    for node in ast.walk(ast.parse(joined())):
        if isinstance(node, ast.Import):
            imported |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add((node.module or "").split(".")[0])

    assert imported - set(sys.stdlib_module_names) == {"cryptography"}
    assert imported & {"socket", "urllib", "http", "ssl", "subprocess", "pickle", "tempfile", "shutil"} == set()


def test_no_name_stands_in_two_parts_and_no_part_is_left_out() -> None:
    names: list[str] = []
    for node in ast.parse(joined()).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.append(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            flat = [each for target in targets for each in ast.walk(target)]
            names += [each.id for each in flat if isinstance(each, ast.Name)]
    files = {path.stem for path in Path(joining.__file__).parent.glob("*.py")}

    assert [name for name, times in Counter(names).items() if times > 1] == []
    assert files - {"__init__", "joining"} == set(PARTS)


def test_tables_that_it_has_of_its_own_are_ours() -> None:
    paths = {kind.value: {n: [(s.name, set(s.duties)) for s in p] for n, p in by.items()} for kind, by in OURS.items()}

    assert {k: {n: [(s.name, set(s.duties)) for s in p] for n, p in by.items()} for k, by in PATHS.items()} == paths
    assert {kind.type: frozenset(kind.secrets) for kind in KINDS if kind.secrets} == SECRETS
