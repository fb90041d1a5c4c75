"""The control database and the log in it: tables, guards, checkpoints."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from sqlalchemy import Engine, inspect, text
from sqlalchemy.exc import SQLAlchemyError

from adapters.checkpoints import FileCheckpoints
from adapters.sql.ledger_reader import SqlLedgerReader
from adapters.sql.schema import missing_tables
from adapters.sql.tables import APPEND_ONLY, metadata
from audit.errors import AuditError
from audit.reader import suite_of_log
from audit.rollback import Claim, diagnose
from audit.signer import REFRESH
from audit.tree import StoredTree
from audit.trust import parse_trust
from gateway.domain.errors import UnavailableError
from ops.doctor.finding import Finding, doubt, ill, unseen, well
from ops.doctor.history import OWN, explain, read_claims, verified_claim
from ops.doctor.installation import Installation, place_of
from ops.log_keys import TRUST_FILE

OLDEST_POSTGRESQL = 14
CLOCKS_DIFFER = timedelta(minutes=2)
_SAFE = ("fsync", "full_page_writes", "synchronous_commit")
_GUARDS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "sqlite": ("SELECT name FROM sqlite_master WHERE type = 'trigger'", ("{}_no_UPDATE", "{}_no_DELETE")),
    "postgresql": ("SELECT tgname FROM pg_trigger WHERE tgenabled <> 'D'", ("{}_only_grows",)),
}


def database(installation: Installation) -> Iterator[Finding]:
    """There, of a known make, with the tables and guards of this version."""
    if installation.database is None:
        yield unseen("控制库", "未能从 serve.toml 得知地址")
        return
    where = place_of(installation.database)
    if installation.is_hidden:
        yield unseen("控制库", f"{where} 属其他用户", "以网关用户运行 bidui doctor 查看")
        return
    if installation.engine is None:
        yield ill("控制库", f"{where} 尚未建立", "运行 bidui migrate")
        return
    try:
        yield from _tables(installation.engine, where)
        if installation.engine.dialect.name == "postgresql":
            yield _server(installation.engine)
    except SQLAlchemyError as error:
        yield ill("控制库", f"{where} 无法读取（{type(error).__name__}）", "检查数据库是否运行、地址与账号是否正确")


def log(installation: Installation) -> Iterator[Finding]:
    """Opened, signed, and not behind what was signed."""
    if installation.engine is None:
        yield unseen("存证账", "控制库尚不可读")
        return
    reader = SqlLedgerReader(installation.engine)
    try:
        size = reader.head().size
    except UnavailableError:
        yield unseen("存证账", "控制库尚不可读")
        return
    if not size:
        yield ill("存证账", "尚未开启", "运行 bidui migrate")
        return
    yield well("存证账", f"{size} 条记录")
    yield _checkpoint(installation, reader, size)


def _tables(engine: Engine, where: str) -> Iterator[Finding]:
    if missing := missing_tables(engine):
        yield ill("控制库", f"{where} 缺少 {len(missing)} 张表", "运行 bidui migrate")
        return
    if altered := _altered(engine):
        yield ill(
            "控制库",
            f"{where} 的表 {'、'.join(altered)} 与本版本不同",
            "核对程序版本；见 docs/operations.md 的升级一节",
        )
        return
    yield well("控制库", f"{where}，{len(metadata.tables)} 张表")
    query, names = _GUARDS[engine.dialect.name]
    with engine.connect() as connection:
        there = {str(name) for name in connection.execute(text(query)).scalars()}
    lost = [each.name for each in APPEND_ONLY if not {name.format(each.name) for name in names} <= there]
    if lost:
        yield ill(
            "只增不改", f"{'、'.join(lost)} 的触发器不见了", "查明何人移除；先运行 bidui audit verify，再从建表语句恢复"
        )
    else:
        yield well("只增不改", "存证账的触发器在位")


def _altered(engine: Engine) -> list[str]:
    """Tables whose columns are not the ones this version writes."""
    looked = inspect(engine)
    return [
        name
        for name, table in metadata.tables.items()
        if {str(column["name"]) for column in looked.get_columns(name)} != set(table.columns.keys())
    ]


def _server(engine: Engine) -> Finding:
    with engine.connect() as connection:
        version = int(connection.execute(text("SHOW server_version_num")).scalar_one())
        unsafe = [name for name in _SAFE if connection.execute(text(f"SHOW {name}")).scalar_one() == "off"]
    if unsafe:
        return ill(
            "PostgreSQL", f"{'、'.join(unsafe)} 为 off，断电会丢失已答复的记录", "在 postgresql.conf 中改为 on 并重启"
        )
    if version // 10_000 < OLDEST_POSTGRESQL:
        return doubt("PostgreSQL", f"版本 {version // 10_000}", f"升级到 {OLDEST_POSTGRESQL} 或更高版本")
    return well("PostgreSQL", f"版本 {version // 10_000}，断电不丢记录")


def _checkpoint(installation: Installation, reader: SqlLedgerReader, size: int) -> Finding:
    folder = installation.home.checkpoints
    try:
        content = FileCheckpoints(folder).latest() if folder.is_dir() else None
        signed = _open(installation, content) if content else None
    except (OSError, AuditError):
        return ill("检查点", "签名不成立，或信任文件无法读取", "停用网关，保留现场，运行 bidui audit verify")
    if signed is None:
        return doubt("检查点", "一个也没有", "启动网关后一秒内应有；若存证账早已启用，则检查点目录被移走了")
    if signed.size > size or not _agrees(signed, reader):
        return _explained(installation, reader)
    return _age(installation.at, signed)


def _explained(installation: Installation, reader: SqlLedgerReader) -> Finding:
    """What became of it: this takes longer, and is looked into only when something is wrong."""
    trust = parse_trust((installation.home.path / TRUST_FILE).read_bytes())
    found = diagnose(reader, list(read_claims(installation.home, trust)), digest=trust.suite.digest)
    *told, todo = explain(found)
    return ill("检查点", "；".join(told), todo.removeprefix("→ "))


def _open(installation: Installation, content: bytes) -> Claim:
    trust = parse_trust((installation.home.path / TRUST_FILE).read_bytes())
    return verified_claim(content, trust, OWN)


def _agrees(signed: Claim, reader: SqlLedgerReader) -> bool:
    """Whether the stored hashes still give the signed root."""
    try:
        return StoredTree(signed.size, reader.hashes, suite_of_log(reader).digest).root() == signed.root
    except AuditError:
        return False


def _age(now: datetime, signed: Claim) -> Finding:
    if signed.signed is None:
        fix = "检查 keys/serve/checkpoints-mldsa44.pem 与信任文件"
        return doubt("检查点", f"{signed.size} 条，缺少带时间的签名", fix)
    age, text = now - signed.signed, f"{signed.size} 条，签于 {signed.signed:%Y-%m-%d %H:%M:%S} UTC"
    if age < -CLOCKS_DIFFER:
        return ill("检查点", f"{text}，晚于现在", "系统时钟走慢或被拨回：先校准时钟")
    if age > REFRESH + CLOCKS_DIFFER:
        old = f"{text}，已逾 {int(age.total_seconds()) // 60} 分钟"
        return doubt("检查点", old, "网关运行时每十分钟至少签一次：检查网关是否在运行")
    return well("检查点", text)
