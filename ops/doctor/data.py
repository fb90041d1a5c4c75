"""What is compared with: the sealed index, and the process that seals the questions."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from datetime import datetime, timedelta

from adapters.keys.files import DECOY_KEY, KeyFileError
from adapters.sealing.client import SealClient
from gateway.domain.errors import UnavailableError
from gateway.generation import GenerationError, Manifest
from ops.doctor.finding import Finding, doubt, ill, unseen, well
from ops.doctor.installation import Current, Installation
from policies.catalogue import CatalogueError, load_catalogue

OLD = timedelta(days=7)


def index(installation: Installation) -> Iterator[Finding]:
    """The current generation: signed by sync, everything as signed, of the present data standard."""
    try:
        if installation.is_unpublished:
            yield ill("封存索引", "尚无", "编写 sync.toml 与 mappings/ 后运行 bidui sync")
            return
        current = installation.current
    except (GenerationError, KeyFileError) as error:
        yield ill("封存索引", str(error), "查明原因后运行 bidui sync --full")
        return
    except PermissionError:
        yield unseen("封存索引", "本用户不可读", "让网关用户所在的组可读 data/index")
        return
    yield _contents(current)
    yield _decoys(current.manifest, installation)
    yield _protected(current.manifest, installation)
    yield _standard(current.manifest)
    yield _freshness(current.version.time, installation.at)


def sealing(installation: Installation) -> Iterator[Finding]:
    """It answers on its socket, which nobody else can reach."""
    path = installation.socket
    if path is None:
        yield unseen("封存进程", "未能从 seal.toml 得知套接字")
        return
    client = SealClient(path)
    try:
        client.is_alive()
    except UnavailableError as error:
        yield _silent(installation, error.__cause__)
        return
    finally:
        client.close()
    if stat.S_IMODE(path.stat().st_mode) & stat.S_IRWXO:
        yield ill("封存进程", f"{path} 其他用户可连接", "以 bidui seal 重新启动，勿改其权限")
    else:
        yield well("封存进程", "应答正常")


def _contents(current: Current) -> Finding:
    manifest, version = current
    held = "，".join(f"{kind} {content.records:,} 条" for kind, content in manifest.kinds.items())
    name = f"{manifest.generation}（增量 {manifest.deltas}）"
    return well("封存索引", f"{name}，{held}，版本 {version.digest[:12]}…，签名与摘要相符")


def _standard(manifest: Manifest) -> Finding:
    mark = manifest.catalogue
    try:
        catalogue = load_catalogue()
    except CatalogueError as error:
        return ill("数据标准", str(error), "恢复随程序安装的 policies/data/catalogue")
    if mark.digest != catalogue.digest:
        text = f"索引按 {mark.version} 版封存，程序用 {catalogue.version} 版，摘要不同"
        return ill("数据标准", text, "运行 bidui sync --full 重新封存；在此之前结果不可信")
    return well("数据标准", f"{catalogue.version} 版，{len(catalogue.fields)} 个字段，与索引一致")


def _decoys(manifest: Manifest, installation: Installation) -> Finding:
    """Whether whoever guesses numbers meets some that are nobody's. How many there are is told to nobody."""
    fix = "两位保管人各运行一次 bidui decoys key，再运行 bidui sync --full；bidui decoys status 说明还缺什么"
    if manifest.decoys is None:
        return doubt("诱饵", "未启用：枚举证件号的人不会碰到诱饵", fix)
    if not _has_decoy_key(installation):
        return ill(
            "诱饵",
            "网关没有辨认诱饵的密钥 keys/serve/decoys.pem，不会启用这一代索引",
            "从备份恢复，或按 docs/operations.md 补造",
        )
    return well("诱饵", "已启用")


def _protected(manifest: Manifest, installation: Installation) -> Finding:
    """Whether the source protects anybody, and serve can know them. To name nobody is up to the source."""
    if manifest.protected is None:
        return well("重点人员", "源端未指定（映射中的 [protected]，或 keys/sync/protected.txt）")
    if not _has_decoy_key(installation):
        return ill(
            "重点人员",
            "网关没有辨认重点人员的密钥 keys/serve/decoys.pem，不会启用这一代索引",
            "从备份恢复，或按 docs/operations.md 补造",
        )
    return well("重点人员", "已启用")


def _has_decoy_key(installation: Installation) -> bool:
    """Who may not look into the folder cannot say that it is missing."""
    folder = installation.home.keys / "serve"
    return not os.access(folder, os.X_OK) or (folder / DECOY_KEY).exists()


def _freshness(data_time: datetime, at: datetime) -> Finding:
    text = f"{data_time:%Y-%m-%d %H:%M} UTC"
    if data_time > at + timedelta(minutes=5):
        return ill("数据时间", f"{text}，晚于现在", "核对本机与数据源的时钟")
    if at - data_time > OLD:
        return doubt("数据时间", f"{text}，已 {(at - data_time).days} 天", "检查定时同步是否停了，见 data/reports")
    return well("数据时间", text)


def _silent(installation: Installation, cause: BaseException | None) -> Finding:
    match cause:
        case PermissionError() if os.access(installation.home.keys / "serve", os.X_OK):
            return ill("封存进程", "网关用户无权连接其套接字", "把网关用户加入封存进程的组，重启网关")
        case PermissionError():
            return unseen("封存进程", "本用户无权连接，理应如此", "以网关用户运行 bidui doctor 查看")
        case FileNotFoundError() | ConnectionRefusedError() if not installation.is_production:
            return doubt("封存进程", "未运行", "演示与测试模式由 bidui serve 带起，启动网关即可")
        case FileNotFoundError() | ConnectionRefusedError():
            return ill("封存进程", "未运行", "启动 bidui seal（systemctl start bidui-seal）")
        case TimeoutError():
            return ill("封存进程", "逾时不答", "查看其日志；重新启动不丢失额度")
        case _:
            return ill("封存进程", "应答有误", "核对两个进程的程序版本是否相同")
