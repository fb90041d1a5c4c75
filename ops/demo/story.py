"""The demonstration: a gateway from nothing, one comparison with its proof, one refusal, a harvest that is stopped."""

from __future__ import annotations

import json
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import httpx2
from rich.console import Console
from rich.table import Table

from audit.report import Exit
from audit.trust import parse_trust
from audit.verify_receipt import verify_receipt
from bidui_client import Account, Answer, Claim, Client, RefusedError, Subject, load_key, tls_context
from gateway.domain.answer import CHINESE
from ops.demo.accounts import give_accounts
from ops.demo.league import League
from ops.demo.person import Person
from ops.demo.staging import DEPARTMENTS, ISSUER, SEED, Department, grant_number, stage
from ops.log_keys import TRUST_FILE
from ops.settings import Home, ServeSettings, load
from policies.catalogue import load_catalogue
from policies.identifiers import id_check_character

PORT, METRICS_PORT = 8420, 9420
READY_SECONDS = 60.0
PROOF_SECONDS = 10.0
_screen = Console(highlight=False, soft_wrap=True)


class DemoError(Exception):
    """The demonstration could not be given; the message says what to look at."""


def tell(home: Home, *, persons: int, once: bool) -> None:
    """Gives the demonstration. Stays in the foreground until it is interrupted, unless told `once`."""
    league = _stage(home, persons)
    with _served(home) as url:
        _compare(home, url, league)
        _refuse(home, url, league)
        _stop(home, url, league)
        _next(home, url)
        if not once:
            _screen.print("按 Ctrl-C 结束演示。")
            _wait()


def _stage(home: Home, persons: int) -> League:
    if (home.path / "serve.toml").exists():
        _screen.print(f"沿用已有的演示环境 {home.path}（删除该目录即可重来）")
        return League.of(seed=SEED, persons=persons)
    _screen.print("[1/5] 建立演示环境：密钥、合成盟市（14 旗县、461 机构）、四个部门的签批单，并封存名册…")
    league, report = stage(home, persons=persons, port=_free(PORT), metrics_port=_free(METRICS_PORT))
    give_accounts(home)
    _screen.print(report.text())
    return league


def _free(wanted: int) -> int:
    """The wanted port of this machine, or any other if somebody has it."""
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", wanted))
        except OSError:
            probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def _served(home: Home) -> Iterator[str]:
    _screen.print("[2/5] 启动网关与封存进程…")
    settings = load(home, "serve.toml", ServeSettings)
    url = f"https://{settings.host}:{settings.port}"
    command = [sys.executable, "-m", "ops.cli.main", "serve", "--home", str(home.path)]
    log = (home.path / "serve.log").open("ab")
    process = subprocess.Popen(command, stdout=log, stderr=log)  # noqa: S603 - our own program
    try:
        _until(READY_SECONDS, lambda: _is_ready(home, url, process))
        yield url
    finally:
        process.terminate()
        process.wait(10)
        log.close()


def _is_ready(home: Home, url: str, process: subprocess.Popen[bytes]) -> bool:
    if process.poll() is not None:
        raise DemoError(f"网关未能启动，原因见 {home.path / 'serve.log'}；端口被占用时请改 serve.toml")
    try:
        with httpx2.Client(verify=_tls(home, DEPARTMENTS[0]), trust_env=False) as http:
            return http.get(f"{url}/readyz").status_code == 200
    except httpx2.TransportError:
        return False


def _compare(home: Home, url: str, league: League) -> None:
    department = DEPARTMENTS[0]
    person = _known(league)
    _screen.print(f"[3/5] {department.zh}以“工资统发核对”为用途比对一人：")
    unit = next(each.name for each in league.organisations if each.code == person.main_post.organisation)
    claims = [Claim("unit", unit), Claim("quota_type", "行政编制"), Claim("person_status", "退休")]
    with _client(home, url, department) as client:
        answer = _ask(client, home, department, person, claims)
    _show(answer)
    _prove(home, url, answer)


def _refuse(home: Home, url: str, league: League) -> None:
    department = DEPARTMENTS[3]
    limit = department.subjects_per_day
    _screen.print(f"[4/5] {department.zh}的签批单每日限 {limit} 人；问到第 {limit + 1} 人：")
    with _client(home, url, department) as client:
        try:
            for person, _ in zip(league.people(), range(limit + 1), strict=False):
                _ask(client, home, department, person, [Claim("person_status", "在职")])
        except RefusedError as refused:
            _screen.print(f"  {CHINESE['refused']}：额度已用尽（{refused.reason}），事件编号 {refused.incident}")
            return
    raise DemoError("额度应当用尽而没有用尽")


def _stop(home: Home, url: str, league: League) -> None:
    department, person = DEPARTMENTS[2], _known(league)
    _screen.print(f"[5/5] 有人盗用{department.zh}的系统，按同一地区、同一生日的号码逐个试探：")
    with _client(home, url, department) as client:
        for nth, number in enumerate(_guesses(league, person), 1):
            try:
                _ask(client, home, department, replace(person, id_number=number), [Claim("person_status", "在职")])
            except RefusedError as refused:
                told = f"第 {nth} 个起{CHINESE['refused']}（{refused.reason}），一人也未问出"
                _screen.print(f"  {told}，事件编号 {refused.incident}")
                return
    raise DemoError("逐号试探应当被阻断而没有被阻断")


def _guesses(league: League, person: Person) -> list[str]:
    """Numbers of one region and birthday that nobody has."""
    known = {each.id_number for each in league.people()}
    first17 = [f"{person.id_number[:14]}{place:03}" for place in range(700, 720)]
    return [number for each in first17 if (number := each + id_check_character(each)) not in known]


def _ask(client: Client, home: Home, department: Department, person: Person, claims: list[Claim]) -> Answer:
    return client.compare(
        grant=grant_number(home, department),
        purpose=department.purpose,
        operator=department.operator,
        subject=Subject("person", person.id_number, person.name),
        claims=claims,
    )


def _show(answer: Answer) -> None:
    fields = load_catalogue().fields
    table = Table("字段", "结果", title=f"对象：{CHINESE[answer.subject]}（基准日 {answer.as_of}）")
    for key, code in answer.fields.items():
        table.add_row(fields[key].zh, CHINESE[code])
    _screen.print(table)
    body = answer.receipt["body"]
    _screen.print(f"  回执：存证账 {body['origin']} 第 {body['index']} 条，叶哈希 {body['leaf'][:16]}…")


def _prove(home: Home, url: str, answer: Answer) -> None:
    """Checks the receipt as a partner would: with the trust file, the receipt and a proof from the log's door."""
    index = answer.receipt["body"]["index"]
    proofs: list[str] = []

    def has_proof() -> bool:
        got = http.get(f"{url}/v1/log/proofs/inclusion", params={"index": index})
        proofs[:] = [got.json()["tlog_proof"]] if got.status_code == 200 else []
        return bool(proofs)

    with httpx2.Client(verify=_tls(home, DEPARTMENTS[0]), trust_env=False) as http:
        _until(PROOF_SECONDS, has_proof)
    report = verify_receipt(
        json.dumps(answer.receipt, ensure_ascii=False).encode(),
        parse_trust((home.path / TRUST_FILE).read_bytes()),
        proof=proofs[0].encode(),
        request=answer.sent,
    )
    if report.verdict is not Exit.PROVEN:
        raise DemoError(f"回执未能证明：{[problem.cause for problem in report.problems]}")
    _screen.print(f"  证明：回执签名、请求摘要与入账路径均已核验，检查点含 {report.size} 条记录 ✓")


def _next(home: Home, url: str) -> None:
    client = DEPARTMENTS[0].client
    keys = home.path / "keys"
    _screen.print(
        f"""
接下来可以试：
  export BIDUI_HOME={home.path} BIDUI_MODE=demo
  alias bidui={Path(sys.executable).parent}/bidui
  bidui token --client {client}          # 供 curl 使用的访问令牌，300 秒有效
  curl --cacert {keys}/authority.crt --cert {keys}/clients/{client}/tls.crt --key {keys}/clients/{client}/tls.pem \\
       -H "Authorization: Bearer $(bidui token --client {client})" {url}/v1/catalogue
  bidui compare --example > query.json    # 填好后：bidui compare query.json --url {url} …（见 README）
  bidui audit verify --signed             # 离线核验存证账，至最后一个检查点
  bidui sign-in --url {url} --ca {keys}/authority.crt \\
       --cert {keys}/clients/{client}/tls.crt --cert-key {keys}/clients/{client}/tls.pem \\
       --account bb-lingdao --password-file {keys}/people/bb-lingdao.password --totp $(bidui demo --code bb-lingdao)
  bidui watch incidents                   # 监测事件：谁、因何、观测值与预期
  bidui tasks && bidui deed list          # 以编办领导身份办理签批；其他人的账号见 {keys}/people
名单与答案：{home.path}/source/lists（truth.csv 记着每处差异）
""",
        soft_wrap=True,
    )


def _known(league: League) -> Person:
    """Somebody in office, with nothing awkward about them."""
    return next(each for each in league.people() if not each.cases and each.status == "在职")


@contextmanager
def _client(home: Home, url: str, department: Department) -> Iterator[Client]:
    folder = home.path / "keys" / "clients" / department.client
    account = Account(
        url=url,
        client_id=department.client,
        key=load_key(folder / "assertion.pem"),
        audience=ISSUER,
        receipts=home.path / "receipts" / department.code,
    )
    with Client(account, tls=_tls(home, department)) as client:
        yield client


def _tls(home: Home, department: Department) -> ssl.SSLContext:
    folder = home.path / "keys" / "clients" / department.client
    return tls_context(certificate=folder / "tls.crt", key=folder / "tls.pem", ca=home.path / "keys" / "authority.crt")


def _until(seconds: float, holds: Callable[[], bool]) -> None:
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            raise DemoError("等待超时，请查看演示目录中的 serve.log")
        time.sleep(0.1)


def _wait() -> None:
    try:
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        _screen.print("演示结束。")
