"""Joins the parts of the verifier into the one file that ships: in order, without their imports of each other."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

FILE_NAME = "bidui_verify.py"
PARTS = (
    *("verdicts", "hashes", "sm2", "canonical", "notes", "zips", "witnesses", "trusting", "trees", "entries", "log"),
    *("receipts", "packed", "people", "steps", "narrowing", "deeds", "manifest", "bundles", "program"),
)
"""Each needs those before it alone."""
_OURS = "audit.standalone"
_HEAD = '''#!/usr/bin/env python3
"""比对存证账离线核验程序 · the offline verifier of Bidui's ledger, in one file.

    python bidui_verify.py log     导出.zip   --trust trust.json [--checkpoint 文件 ...] [--policy 文件]
    python bidui_verify.py bundle  证据包.zip --trust trust.json [--policy 文件] [--at 2026-12-01] [--show]
    python bidui_verify.py receipt 回执.json  --trust trust.json [--proof 文件] [--request 文件] [--response 文件]
    python bidui_verify.py deed    文书.json  --foundation foundation.json [--at 2026-12-01]

退出码：0 已证明 · 1 被篡改 · 2 证据不全 · 3 用法或文件有误。缺证据从不算“通过”。
Exit codes: 0 proven, 1 tampered, 2 evidence incomplete, 3 usage or unreadable. Missing evidence is never "ok".

需要 Python 3.11 以上和 cryptography 48 以上；不联网，不写任何文件。trust.json（及见证策略、foundation.json）
须从可信途径取得，不取自被核验的文件。SM3、SM2 以纯 Python 实现；依法须用商用密码产品之处，本程序不能替代。
It needs Python 3.11 and cryptography 48, no network, and writes nothing. Whose signatures count is said by trust.json
(and the witness policy, and foundation.json), which must come from somewhere else than what is verified.
"""

from __future__ import annotations
'''


@cache
def joined() -> str:
    """Return the text of the file."""
    folder = Path(__file__).parent
    parts = [_part((folder / f"{name}.py").read_text(encoding="utf-8")) for name in PARTS]
    return _HEAD + "".join(parts)


def _part(source: str) -> str:
    """Return a part with its first line as a heading, without imports of its neighbours."""
    lines, tree = source.splitlines(keepends=True), ast.parse(source)
    heading = (ast.get_docstring(tree) or "").replace("\n", "\n# ")
    for node in tree.body:
        if _is_dropped(node):
            lines[node.lineno - 1 : node.end_lineno] = [""] * ((node.end_lineno or node.lineno) - node.lineno + 1)
    return f"\n\n# {'=' * 100}\n# {heading}\n\n" + "".join(lines).strip("\n") + "\n"


def _is_dropped(node: ast.stmt) -> bool:
    if isinstance(node, ast.ImportFrom):
        return node.module == "__future__" or (node.module or "").startswith(_OURS)
    return isinstance(node, ast.Expr) and node.lineno == 1
