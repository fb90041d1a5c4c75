"""Key files and certificates: there, private, in the right hands, not about to expire. No private key is opened."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path

from cryptography import x509

from adapters.keys.files import OTHERS, KeyFileError, read_ed25519_public, read_private
from audit.errors import AuditError
from audit.note import parse_vkey
from audit.suite import suite_of
from audit.trust import Trust, parse_trust
from ops.doctor.finding import Finding, doubt, ill, unseen, well
from ops.doctor.installation import Installation
from ops.log_keys import TRUST_FILE, founding_files, key_file

OFFICE = ("people", "authority", "clients")
"""Folders of a demonstration; in production none of their keys belongs on this machine."""
PUBLIC = ("sync", "checkpoints", "receipts")
SOON_DAYS = 30


def private(installation: Installation) -> Iterator[Finding]:
    """The key files of each process: all there, for nobody else to read."""
    keys = installation.home.keys
    for process, names in _needed(installation).items():
        yield _folder(keys / process, names)
    yield from _owners(installation)
    if installation.is_production:
        kept = [name for name in OFFICE if (keys / name).exists()]
        if kept:
            yield doubt("多余密钥", f"keys/ 下有 {'、'.join(kept)}", "正式模式不用：移出本机，离线保管或销毁")


def sealing(installation: Installation) -> Iterator[Finding]:
    """Sync and seal must hold one sealing key: with two, everybody would be 未确认."""
    found = [_secret(installation.home.keys / process / "sealing.secret") for process in ("seal", "sync")]
    if None in found:
        yield unseen(
            "封存密钥",
            "分属两个用户或两台主机，无法比对",
            "以 root 运行 bidui doctor，或按 docs/operations.md 核对指纹",
        )
    elif found[0] == found[1]:
        yield well("封存密钥", "封存进程与同步进程一致")
    elif all(each is not None and each.startswith(b"bidui-secret/1 plain") for each in found):
        yield ill(
            "封存密钥", "封存进程与同步进程不一致，所有人都会得到“未确认”", "把同步所用的 sealing.secret 复制给封存进程"
        )
    else:
        yield unseen("封存密钥", "已用口令加密，无法比对", "按 docs/operations.md 核对指纹")


def public(installation: Installation) -> Iterator[Finding]:
    """Public keys that others verify by, and the trust file that names them."""
    raw: dict[str, bytes] = {}
    for name in PUBLIC:
        try:
            raw[name] = read_ed25519_public(installation.home.keys / f"{name}.pub").public_bytes_raw()
        except KeyFileError as error:
            yield ill("公钥", str(error), "从同一安装的备份恢复公钥文件")
    try:
        trust = parse_trust((installation.home.path / TRUST_FILE).read_bytes())
    except (OSError, AuditError):
        yield ill("信任文件", f"{TRUST_FILE} 不存在或无法读取", "运行 bidui migrate 重新写出")
        return
    yield _trusted(trust, raw, installation)


def certificates(installation: Installation) -> Iterator[Finding]:
    """The certificates that serve shows and believes."""
    if installation.serve is None or not installation.serve.tls:
        yield unseen("证书", "TLS 由代理终结", "在代理主机上检查证书有效期")
        return
    for name in ("tls.crt", "authority.crt"):
        yield _certificate(installation.home.keys / name, installation.at)


def _needed(installation: Installation) -> Mapping[str, list[str]]:
    serve = [*_of_the_log(installation), "token.pem"]
    serve += ["idempotency.secret", "natural.secret", "accounts.secret"]
    if installation.serve and installation.serve.tls:
        serve.append("tls.pem")
    if installation.serve and installation.serve.trusted_proxies:
        serve.append("proxy.secret")
    needed = {"serve": serve, "seal": ["sealing.secret"]}
    if (installation.home.path / "sync.toml").exists():
        needed["sync"] = ["sync.pem", "sealing.secret"]
    return needed


def _of_the_log(installation: Installation) -> list[str]:
    """The files of the keys that go on signing; those of the founding where the trust file says nothing."""
    try:
        trust = parse_trust((installation.home.path / TRUST_FILE).read_bytes())
    except (OSError, AuditError):
        suite = suite_of(installation.serve.suite if installation.serve else "intl")
        return [name for _, __, name in founding_files(suite)]
    return [key_file(key).name for key in trust.keys if key.until is None]


def _folder(folder: Path, names: list[str]) -> Finding:
    what = f"keys/{folder.name}"
    if not folder.is_dir():
        return ill(what, "不存在", "从备份恢复；全新安装由 bidui init 建立")
    if folder.stat().st_mode & OTHERS and not os.access(folder, os.X_OK):
        return unseen(what, "属其他用户", "以该用户运行 bidui doctor 查看")
    if not os.access(folder, os.R_OK | os.X_OK):
        return unseen(what, "属其他用户，本用户不可见", "以该用户运行 bidui doctor 查看")
    missing = [name for name in names if not (folder / name).is_file()]
    if missing:
        return ill(what, f"缺少 {'、'.join(missing)}", "从备份恢复；切勿另造新密钥顶替")
    open_to_all = [path.name for path in (folder, *sorted(folder.rglob("*"))) if path.stat().st_mode & OTHERS]
    if open_to_all:
        return ill(what, f"{'、'.join(open_to_all)} 其他用户可读", f"chmod -R go= {folder}，并考虑更换密钥")
    return well(what, f"{len(names)} 个密钥文件齐全，仅属主可读")


def _owners(installation: Installation) -> Iterator[Finding]:
    """A taken-over serve must not be able to read the sealing key."""
    folders = [installation.home.keys / process for process in ("serve", "seal")]
    if not all(folder.is_dir() for folder in folders):
        return
    serve, seal = (folder.stat().st_uid for folder in folders)
    if serve != seal:
        yield well("进程用户", "网关与封存进程分属两个用户")
    elif installation.is_production:
        yield ill(
            "进程用户", "网关与封存进程同属一个用户，封存密钥形同公开", "按 docs/operations.md 为封存进程另设用户"
        )
    else:
        yield doubt("进程用户", "网关与封存进程同属一个用户", "仅演示与测试可以如此")


def _secret(path: Path) -> bytes | None:
    try:
        return read_private(path)
    except KeyFileError:
        return _secret_of_another(path)


def _secret_of_another(path: Path) -> bytes | None:
    """Root may look at what belongs to the processes' own users; it is compared, and told to nobody."""
    try:
        return path.read_bytes() if os.geteuid() == 0 else None
    except OSError:
        return None


def _trusted(trust: Trust, raw: Mapping[str, bytes], installation: Installation) -> Finding:
    named = {parse_vkey(key.vkey).public for key in trust.keys}
    if installation.serve and trust.origin != installation.serve.origin:
        return ill("信任文件", "所列存证账名称与 serve.toml 的 origin 不同", "恢复原来的 origin；名称一经启用不得更改")
    strangers = [name for name in ("checkpoints", "receipts") if name in raw and raw[name] not in named]
    if strangers:
        return ill(
            "信任文件", f"未列入现用公钥 {'、'.join(strangers)}", "查明密钥何时被换；确认无误后运行 bidui migrate"
        )
    return well("信任文件", f"{len(trust.keys)} 把公钥")


def _certificate(path: Path, at: datetime) -> Finding:
    what = f"证书 {path.name}"
    try:
        certificate = x509.load_pem_x509_certificate(path.read_bytes())
    except (OSError, ValueError):
        return ill(what, "不存在或无法读取", "放回 PEM 格式的证书文件")
    left = (certificate.not_valid_after_utc - at).days
    until = f"有效期至 {certificate.not_valid_after_utc:%Y-%m-%d}"
    if at < certificate.not_valid_before_utc:
        return ill(what, "尚未生效", "核对系统时钟与证书")
    if left < 0:
        return ill(what, f"{until}，已过期", "换上新证书后重启网关")
    if left < SOON_DAYS:
        return doubt(what, f"{until}，还有 {left} 天", "尽快换上新证书，换后重启网关")
    return well(what, until)
