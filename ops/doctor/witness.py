"""Witnesses: who witnesses our log, and whether that is enough; whom we witness."""

from __future__ import annotations

from collections.abc import Iterator

from adapters.checkpoints import FileCheckpoints
from adapters.metrics import Metrics
from adapters.sql.ledger_reader import SqlLedgerReader
from adapters.witness_line import WitnessLine
from audit.errors import AuditError
from audit.trust import parse_trust
from audit.witness_policy import Policy
from audit.witnessing import Grade
from ops.doctor.finding import Finding, doubt, ill, unseen, well
from ops.doctor.installation import Installation
from ops.log_keys import TRUST_FILE
from ops.settings import ServeSettings, SettingsError, load
from ops.witness_side import limits_of, make_record, read_policy, witness_home
from ops.witnessing import Witnessing

_READ = "见 docs/witness.md"


def witnesses(installation: Installation) -> Iterator[Finding]:
    """Our own log."""
    folder = witness_home(installation.home)
    try:
        policy = read_policy(folder)
    except SettingsError as error:
        yield ill("见证策略", str(error), f"按提示改正 witness/policy，{_READ}")
        return
    if policy is None:
        yield doubt("见证", "没有见证策略：没有人在外面看着本账", f"请合作部门的网关互相见证，{_READ}")
        return
    yield _strength(policy)
    if not (installation.home.checkpoints / "witnessed").is_dir():
        yield doubt("见证", "还没有问过见证方", "启动网关后十秒内应有")
        return
    if installation.engine is None:
        yield unseen("见证", "控制库尚不可读")
        return
    try:
        yield _standing(installation, policy, SqlLedgerReader(installation.engine))
    except (AuditError, SettingsError) as error:
        yield ill("见证", f"无法判断（{type(error).__name__}）", "先看其他各项")


def logs(installation: Installation) -> Iterator[Finding]:
    """The logs that we witness."""
    folder = witness_home(installation.home)
    own = folder.vkeys()
    try:
        known = folder.logs()
    except AuditError:
        yield ill("为他方见证", "witness/logs 中有无法读取的信任文件", "移走它，再用 bidui witness trust 重新登记")
        return
    if known and not own:
        yield ill("为他方见证", f"登记了 {len(known)} 本账，却没有见证密钥", "运行 bidui witness init")
    elif own and not known:
        yield doubt("为他方见证", "有见证密钥，没有登记任何账", "bidui witness trust 对方的信任文件")
    elif own:
        yield well("为他方见证", f"{len(known)} 本账")


def _strength(policy: Policy) -> Finding:
    if policy.is_met([]):
        return doubt("见证策略", "quorum none：不要求任何见证", f"写出法定数，{_READ}")
    reached = [each for each in policy.witnesses if each.url]
    return well("见证策略", f"{len(policy.witnesses)} 个见证方，{len(reached)} 个经网络，法定数 {policy.quorum!a}")


def _standing(installation: Installation, policy: Policy, reader: SqlLedgerReader) -> Finding:
    home, settings = installation.home, load(installation.home, "serve.toml", ServeSettings)
    trust = parse_trust((home.path / TRUST_FILE).read_bytes())
    record = make_record(
        home,
        settings,
        policy,
        log=lambda size: trust.verifiers("checkpoint", size),
        hashes=reader.hashes,
        latest=FileCheckpoints(home.checkpoints).latest,
        digest=trust.suite.digest,
    )
    limits = limits_of(settings)
    standing = Witnessing(record=record, limits=limits, metrics=Metrics(), make_line=WitnessLine).state(installation.at)
    match standing.grade:
        case Grade.OK:
            return well("见证", f"{record.covered().size} 条已达法定数，已签 {record.signed()} 条")
        case Grade.SOFT:
            return doubt("见证", standing.detail, f"查看各见证方的网络与日志 witness_failed，{_READ}")
        case Grade.HARD:
            return ill("见证", standing.detail, f"恢复见证，或查明回退，{_READ}")
