"""What a sync did, for people and machines. No value of the register stands in it."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Container, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import TracebackType

import msgspec

from adapters.index.directory import Published
from ops.sync.sealing import Refused, SealedRows


@dataclass(slots=True)
class KindReport:
    """One kind of subject, as this sync read it. `completeness` is the share of records that fill a field."""

    rows_read: int = 0
    records: int = 0
    refused: Counter[str] = field(default_factory=Counter[str])
    filled: Counter[str] = field(default_factory=Counter[str])
    completeness: dict[str, float] = field(default_factory=dict[str, float])
    unmapped: list[str] = field(default_factory=list[str])
    private_use_characters: int = 0
    newest_change: datetime | int | None = None
    age_seconds: float | None = None
    note: str = ""

    def add(self, rows: int, done: SealedRows) -> None:
        self.rows_read += rows
        self.records += done.records
        self.filled.update(done.filled)
        self.private_use_characters += done.private_use

    def finish(self, fields: Iterable[str], mapped: Container[str]) -> None:
        """Work out the shares, for the fields that the mapping has; name the others."""
        self.unmapped = [key for key in fields if key not in mapped]
        self.completeness = {
            key: round(self.filled[key] / self.records, 4) for key in fields if key in mapped and self.records
        }


@dataclass(frozen=True, slots=True)
class LoadReport:
    """One sync that was published. `kinds` count what it read, `subjects` and `records` what the index now holds."""

    mode: str
    generation: str
    data_version: str
    data_time: datetime
    started: datetime
    seconds: float
    rows_per_second: float
    subjects: dict[str, int]
    records: dict[str, int]
    changed: int
    removed: int
    deltas: int
    decoys: str
    """How decoys stand; how many there are is told to nobody."""
    protected: str
    """How protected persons stand, and how many links were told to serve."""
    refused_rows: int
    refused_file: str
    kinds: dict[str, KindReport]

    @classmethod
    def of(
        cls,
        kinds: dict[str, KindReport],
        published: Published,
        refused: RefusedFile,
        *,
        changed: int,
        removed: int,
        decoys: str,
        protected: str,
        mode: str,
        started: datetime,
        seconds: float,
    ) -> LoadReport:
        """The report of what was read, written and published."""
        manifest = published.manifest
        return cls(
            mode=mode,
            generation=manifest.generation,
            data_version=published.version.digest,
            data_time=manifest.data_time,
            started=started,
            seconds=round(seconds, 3),
            rows_per_second=round(sum(found.rows_read for found in kinds.values()) / max(seconds, 1e-3), 1),
            subjects={kind: held.subjects for kind, held in manifest.kinds.items()},
            records={kind: held.records for kind, held in manifest.kinds.items()},
            changed=changed,
            removed=removed,
            deltas=manifest.deltas,
            decoys=decoys,
            protected=protected,
            refused_rows=refused.rows,
            refused_file=refused.path.name,
            kinds=kinds,
        )

    def json(self) -> bytes:
        """For machines."""
        return msgspec.json.format(msgspec.json.encode(self), indent=2)

    def text(self) -> str:
        """For people, Chinese first."""
        lines = [
            f"同步 sync {_MODES.get(self.mode, self.mode)} · {self.seconds:.1f} s · {self.rows_per_second:,.0f} rows/s",
            f"数据版本 data version {self.data_version[:16]}… · 数据时间 as of {self.data_time:%Y-%m-%d %H:%M} UTC",
            f"变动 changed {self.changed:,} · 移除 removed {self.removed:,} · 增量 deltas {self.deltas}",
        ]
        for kind, found in self.kinds.items():
            lines += _kind_lines(kind, found, self.subjects.get(kind, 0), self.records.get(kind, 0))
        lines.append(f"诱饵 decoys: {self.decoys}")
        lines.append(f"重点人员 protected persons: {self.protected}")
        if self.refused_rows:
            lines.append(f"拒收清单 refused rows: {self.refused_file}")
        return "\n".join(lines)


_MODES = {"full": "全量 full", "delta": "增量 by watermark", "push": "推送 pushed"}


def _kind_lines(kind: str, found: KindReport, subjects: int, records: int) -> list[str]:
    refused = sum(found.refused.values())
    lines = [
        f"{kind}: 读取 read {found.rows_read:,} · 封存 sealed {found.records:,} · 拒收 refused {refused:,}"
        f" · 库中 index holds {subjects:,} / {records:,} {found.note}".rstrip()
    ]
    lines += [f"  拒收 {cause}: {count:,}" for cause, count in found.refused.most_common()]
    gaps = {key: share for key, share in found.completeness.items() if share < 1}
    if gaps:
        lines.append("  未填满 incomplete: " + ", ".join(f"{key} {share:.1%}" for key, share in gaps.items()))
    if found.unmapped:
        lines.append("  未映射 unmapped: " + ", ".join(found.unmapped))
    if found.private_use_characters:
        lines.append(f"  造字区字符 private-use characters: {found.private_use_characters:,}")
    if found.age_seconds is not None:
        lines.append(f"  最近变动 newest change: {found.age_seconds / 86_400:.1f} days ago")
    return lines


class RefusedFile:
    """The rows that were refused: kind, row number, cause, what to do, keyed token. No identifier, no value."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows = 0
        self._file = path.open("w", encoding="utf-8-sig", newline="")
        self._writer = csv.writer(self._file)
        self._writer.writerow(["对象类别", "行号", "原因", "处理", "标记"])

    def add(self, row: Refused) -> None:
        self._writer.writerow([row.kind, row.row, row.cause, row.hint, row.token.hex()])
        self.rows += 1

    def __enter__(self) -> RefusedFile:
        return self

    def __exit__(self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None) -> None:
        self._file.close()
