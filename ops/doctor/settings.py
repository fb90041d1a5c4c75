"""The settings: readable, and making sense together."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address, ip_network
from pathlib import Path

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from adapters.identity.certificate import UNIX
from ops.doctor.finding import Finding, doubt, ill, unseen, well
from ops.doctor.installation import Installation
from ops.settings import SealSettings, ServeSettings, SettingsError, load
from ops.sync import SyncSettings

OTHERS = 0o077


def mode(installation: Installation) -> Iterator[Finding]:
    """Demo and test mode believe a key that lies on the machine."""
    if installation.is_production:
        yield well("运行模式", "production")
    else:
        yield doubt(
            "运行模式",
            f"{installation.home.mode}：文书可由虚构人员代签",
            "接入真实数据前去掉 BIDUI_MODE，改用正式模式",
        )


def serve(installation: Installation) -> Iterator[Finding]:
    """`serve.toml`."""
    try:
        settings = load(installation.home, "serve.toml", ServeSettings)
    except (SettingsError, OSError) as error:
        yield ill("serve.toml", _said(error), "按 docs/operations.md 改正；新安装请运行 bidui init")
        return
    if not settings.issuer.startswith("https://"):
        yield ill("serve.toml", "issuer 不是 https 地址", "改为合作部门访问网关所用的 https 地址")
    elif installation.database is None:
        yield ill("serve.toml", "database 不是 SQLAlchemy 地址", "改为 postgresql+psycopg://…，或留空使用 SQLite")
    else:
        yield well("serve.toml", f"{settings.origin}，{settings.host}:{settings.port}，节点 {settings.node}")
    yield from _edge(settings)
    if installation.is_production and not _is_local(settings.host):
        yield doubt(
            "监听地址",
            f"{settings.host}：监控端口 {settings.metrics_port} 随之对外开放",
            "用防火墙只放行监控主机访问该端口",
        )


def seal(installation: Installation) -> Iterator[Finding]:
    """`seal.toml`."""
    try:
        load(installation.home, "seal.toml", SealSettings)
    except (SettingsError, OSError) as error:
        yield ill("seal.toml", _said(error), "按 docs/operations.md 改正")
    else:
        yield well("seal.toml", str(installation.socket))


def sync(installation: Installation) -> Iterator[Finding]:
    """`sync.toml`, where sync runs on this machine and for this user."""
    path = installation.home.path / "sync.toml"
    if not path.exists():
        yield unseen("sync.toml", "本机没有", "同步在另一台主机时不需要；否则按 docs/operations.md 编写")
        return
    try:
        settings = load(installation.home, "sync.toml", SyncSettings)
    except PermissionError:
        yield unseen("sync.toml", "属同步用户所有", "以同步用户运行 bidui doctor 查看")
    except (SettingsError, OSError) as error:
        yield ill("sync.toml", _said(error), "按 docs/operations.md 改正")
    else:
        yield _passwords(settings, path) or well("sync.toml", f"{len(settings.sources)} 个数据源")


def _edge(settings: ServeSettings) -> Iterator[Finding]:
    """Every caller is known by a client certificate; there are two ways to be shown one."""
    wrong = [peer for peer in settings.trusted_proxies if not _is_peer(peer)]
    if wrong:
        yield ill("可信代理", f"{'、'.join(wrong)} 不是网段", "trusted_proxies 只写地址、网段，或 unix")
    elif settings.tls:
        yield well("客户端证书", "由网关直接验证（tls = true）")
    elif settings.trusted_proxies:
        yield well("客户端证书", f"由可信代理转交：{'、'.join(settings.trusted_proxies)}")
    else:
        yield ill("客户端证书", "无从获得，任何调用都会得到 401", "设 tls = true，或在 trusted_proxies 写明代理地址")


def _passwords(settings: SyncSettings, path: Path) -> Finding | None:
    if not any(_has_password(source.url) for source in settings.sources if source.url):
        return None
    if path.stat().st_mode & OTHERS:
        return ill("sync.toml", "地址中写有口令，且其他用户可读", "改用 password_file，并更换该口令")
    return doubt("sync.toml", "地址中写有口令", "改用 password_file，口令另存为 0600 文件")


def _has_password(address: str) -> bool:
    try:
        url = make_url(address)
    except ArgumentError:
        return False
    return url.password is not None or "password" in url.query


def _is_peer(text: str) -> bool:
    try:
        return text == UNIX or bool(ip_network(text))
    except ValueError:
        return False


def _is_local(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _said(error: Exception) -> str:
    """Our own errors name no value; of the system's only the cause is told."""
    return (error.strerror or type(error).__name__) if isinstance(error, OSError) else str(error)
