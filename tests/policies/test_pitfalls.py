"""Every way in which pycasbin 2.8 says yes, or loses a no, in silence; and that we refuse or deny it.

One table: what happens, plain Casbin doing it (where a few lines can show it), and ours. If a later Casbin mends one,
its left column fails: then the row may go.
"""

from __future__ import annotations

import ast
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import casbin
import pytest
from casbin.model import FastModel

import policies
from policies.casbin_model import MODEL_FILE
from policies.conditions import Period, Span
from policies.decision import Permit
from policies.files import files_of
from policies.loader import load_files
from policies.matcher import ModelError
from policies.problems import RulebookError
from policies.rows import MAX_DEPTH, PolicyRow, Rules
from policies.snapshot import MEMO_LIMIT, Ask, compile_rules
from tests.policies.rules import BOOK, CATALOGUE, CLIENTS, MONDAY, UNITS, a_row, an_ask, flat, model_with

ROW = a_row()
DENY = ROW._replace(id="D-1", eft="deny", purpose="*")
MATCHER = next(line for line in MODEL_FILE.read_text("utf-8").splitlines() if line.startswith("m = "))[4:]
DENY_OVERRIDES = "some(where (p.eft == allow)) && !some(where (p.eft == deny))"


# ------------------------------------------------------------------------------------------------ plain Casbin


def plain(
    *rows: tuple[str, ...],
    matcher: str = "g(r.sub, p.sub) && r.obj == p.obj",
    effect: str = DENY_OVERRIDES,
    links: tuple[tuple[str, str], ...] = (),
    fast: bool = False,
) -> casbin.Enforcer:
    """A small enforcer: `p = sub, obj, eft`."""
    model = FastModel([0, 1]) if fast else casbin.Model()
    model.load_model_from_text(
        f"[request_definition]\nr = sub, obj\n[policy_definition]\np = sub, obj, eft\n[role_definition]\ng = _, _\n"
        f"[policy_effect]\ne = {effect}\n[matchers]\nm = {matcher}"
    )
    enforcer = casbin.FastEnforcer(model, cache_key_order=[0, 1]) if fast else casbin.Enforcer(model)
    for row in rows:
        enforcer.add_policy(*row)
    for link in links:
        enforcer.add_grouping_policy(*link)
    return enforcer


def casbin_text(text: str) -> casbin.Enforcer:
    """An enforcer over policy lines as an adapter reads them."""
    enforcer = plain()
    for line in text.splitlines():
        casbin.persist.load_policy_line(line, enforcer.get_model())
    enforcer.build_role_links()
    return enforcer


ALLOW_A = ("a", "x", "allow")
CHAIN = tuple((f"r{n}", f"r{n + 1}") for n in range(10))


def grows() -> bool:
    enforcer = plain(ALLOW_A)
    for n in range(100):
        enforcer.enforce(f"stranger-{n}", "x")
    return len(enforcer.get_role_manager().all_roles) >= 100


# ------------------------------------------------------------------------------------------------ ours


def refused(*changes: tuple[str, str]) -> Callable[[], bool]:
    """Whether the rulebook with these changes is refused as a whole."""

    def tried() -> bool:
        book = BOOK
        for old, new in changes:
            assert old in book
            book = book.replace(old, new, 1)
        return raises(lambda: load_files(files_of({"a.toml": book}), CATALOGUE, clients=CLIENTS, units=UNITS))

    return tried


def no_model(matcher: str) -> Callable[[], bool]:
    """Whether a model with this matcher stops the start."""
    return lambda: raises(lambda: compile_rules(flat(ROW), model_with(matcher)))


def no_model_text(old: str, new: str) -> Callable[[], bool]:
    text = MODEL_FILE.read_text("utf-8")
    return lambda: old in text and raises(lambda: compile_rules(flat(ROW), text.replace(old, new, 1)))


def denied(rules: Rules, ask: Ask) -> Callable[[], bool]:
    """Whether nothing is permitted."""
    return lambda: not isinstance(compile_rules(rules).judge(ask, MONDAY), Permit)


def raises(act: Callable[[], object]) -> bool:
    try:
        act()
    except (RulebookError, ModelError, TypeError):
        return True
    return False


def raises_any(act: Callable[[], object]) -> bool:
    try:
        act()
    except Exception:  # noqa: BLE001 - whatever Casbin raises
        return True
    return False


def unnamed(*words: str) -> Callable[[], bool]:
    """Whether no module of `policies` names any of these."""

    def tried() -> bool:
        folder = Path(policies.__file__).parent
        trees = [ast.parse(path.read_text("utf-8")) for path in folder.glob("*.py")]
        nodes = [node for tree in trees for node in ast.walk(tree)]
        named = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
        named |= {alias.name for node in nodes if isinstance(node, ast.ImportFrom) for alias in node.names}
        return len(trees) > 20 and not named & {*words}

    return tried


def deep(levels: int) -> Rules:
    """A deny `levels` above the unit that is asked about."""
    chain = tuple((f"org:{n + 1}", f"org:{n}") for n in range(levels))
    rows = (ROW._replace(org=f"org:{levels}"), DENY._replace(org="org:0"))
    return replace(flat(*rows), units=chain)


def bounded() -> bool:
    snapshot = compile_rules(flat(ROW))
    for n in range(MEMO_LIMIT + 10):
        snapshot.judge(an_ask("f")._replace(client=f"client:stranger-{n}"), MONDAY)
    return len(snapshot._prepared) <= MEMO_LIMIT


def all_named() -> bool:
    found = compile_rules(flat(ROW, ROW._replace(id="R-2"), ROW._replace(id="R-3", org="org:all"))).judge(
        an_ask("f"), MONDAY
    )
    return found.rules == ("R-1", "R-2", "R-3")


def alike_in_threads() -> bool:
    """Four threads, two askers, one of them denied: the snapshot shares nothing that one could see of the other."""
    snapshot, wrong = compile_rules(flat(ROW, ROW._replace(id="R-2", role="dept:y", field="field:g"))), list[Ask]()

    def ask(client: str, field: str) -> None:
        for n in range(2_000):
            asked = an_ask("f", "g")._replace(client=client, address=f"10.0.{n % 7}.1")
            found = snapshot.judge(asked, MONDAY)
            if not isinstance(found, Permit) or found.fields != {field}:
                wrong.append(asked)

    threads = [threading.Thread(target=ask, args=each) for each in (("client:a", "f"), ("client:b", "g")) * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return not wrong


class BrokenPeriod(Period):
    """Fails when it is asked."""

    def covers(self, minute: int) -> bool:
        raise RuntimeError(minute)


BROKEN = replace(
    flat(ROW, DENY._replace(window="win:hours")),
    periods={"win:always": Period((Span(0, 7 * 24 * 60),)), "win:hours": BrokenPeriod(())},
)


# ------------------------------------------------------------------------------------------------ the table


@dataclass(frozen=True)
class Case:
    """`casbin`: that plain Casbin does it; `ours`: that we refuse or deny."""

    ours: Callable[[], bool]
    casbin: Callable[[], bool] | None = None


CASES = {
    "no rules: a request of empty strings is allowed": Case(
        casbin=lambda: plain(matcher="r.sub == p.sub && r.obj == p.obj").enforce("", ""),
        ours=denied(flat(), Ask("", (("", ""),), "", ("",), "10.1.2.3")),
    ),
    "no rules: regexMatch allows everybody": Case(
        casbin=lambda: plain(matcher="regexMatch(r.sub, p.sub)").enforce("anybody", "x"),
        ours=denied(flat(), an_ask("f")),
    ),
    "FastEnforcer: a deny for a role in a keyed column is not seen": Case(
        casbin=lambda: plain(ALLOW_A, ("everyone", "x", "deny"), links=(("a", "everyone"),), fast=True).enforce(
            "a", "x"
        ),
        ours=denied(flat(ROW, DENY._replace(role="tier:all")), an_ask("f")),
    ),
    "FastEnforcer: threads overwrite each other's filter": Case(ours=alike_in_threads),
    "FastEnforcer, SyncedEnforcer, enable_enforce: out of reach": Case(
        ours=unnamed("FastEnforcer", "SyncedEnforcer", "DistributedEnforcer", "AsyncEnforcer", "enable_enforce"),
    ),
    "an effect spelt Deny is ignored": Case(
        casbin=lambda: plain(ALLOW_A, ("a", "x", "Deny")).enforce("a", "x"),
        ours=refused(('"deny"', '"Deny"')),
    ),
    "a line of unknown type drops its deny": Case(
        casbin=lambda: casbin_text("p, a, x, allow\nP, a, x, deny").enforce("a", "x"),
        ours=refused(("[[rules]]", "[[rule]]")),
    ),
    "a byte order mark drops the first line": Case(
        casbin=lambda: casbin_text("\ufeffp, a, x, deny\np, a, x, allow").enforce("a", "x"),
        ours=refused(("\ndepartment", "\ufeff\ndepartment")),
    ),
    "one rule with a missing column breaks every later decision": Case(
        ours=lambda: refused(('effect = "allow"\n', ""))() and raises(lambda: PolicyRow(*ROW[:-1])),  # type: ignore[call-arg]  # on purpose
    ),
    "a bracket swallows the commas": Case(ours=refused(('"CZ-001"', '"CZ(001"'))),
    "an unbalanced bracket raises": Case(ours=refused(('"CZ-001"', '"CZ]001"'))),
    "a comma splits a value in two": Case(ours=refused(('"CZ-001"', '"CZ,001"'))),
    "a deny above the tenth level is not seen": Case(
        casbin=lambda: plain(("r0", "x", "allow"), ("r10", "x", "deny"), links=CHAIN).enforce("r0", "x"),
        ours=lambda: (
            raises(lambda: deep(MAX_DEPTH + 1)) and denied(deep(MAX_DEPTH), an_ask("f")._replace(units=("org:9",)))()
        ),
    ),
    "a subject named like a role has its rights": Case(
        casbin=lambda: plain(("role", "x", "allow")).enforce("role", "x"),
        ours=denied(flat(ROW), an_ask("f")._replace(client="dept:x")),
    ),
    "a unit named like a class": Case(ours=denied(flat(ROW), an_ask("f")._replace(units=("class:any",)))),
    "names of strangers are kept for ever": Case(casbin=grows, ours=bounded),
    "ipMatch: a bad CIDR in a rule is no match, a deny is lost": Case(ours=refused(("10.0.0.0/8", "10.0.0.0/33"))),
    "ipMatch: a bad address raises": Case(
        casbin=lambda: raises_any(lambda: casbin.util.ip_match("10.1.2", "10.0.0.0/8")),
        ours=denied(flat(ROW), an_ask("f")._replace(address="10.1.2")),
    ),
    "ipMatch: an IPv4 address written as IPv6 lies outside": Case(
        casbin=lambda: not casbin.util.ip_match("::ffff:10.1.2.3", "10.0.0.0/8"),
        ours=denied(flat(ROW, DENY._replace(net="net:office")), an_ask("f")._replace(address="::ffff:10.1.2.3")),
    ),
    "regexMatch is not anchored": Case(
        casbin=lambda: casbin.util.regex_match("dept:xyz", "dept:x"),
        ours=no_model(MATCHER.replace("g(r.sub, p.role)", "regexMatch(r.sub, p.role)")),
    ),
    "keyMatch matches beyond the star": Case(
        casbin=lambda: casbin.util.key_match("/a/1/zzz", "/a/*/x"),
        ours=no_model(MATCHER.replace("g(r.sub, p.role)", "keyMatch(r.sub, p.role)")),
    ),
    "keyMatch2 takes a dot for any character": Case(
        casbin=lambda: casbin.util.key_match2("/aXb", "/a.b"),
        ours=no_model(MATCHER.replace("g(r.sub, p.role)", "keyMatch2(r.sub, p.role)")),
    ),
    "globMatch differs between Casbin's languages": Case(
        ours=no_model(MATCHER.replace("g(r.sub, p.role)", "globMatch(r.sub, p.role)")),
    ),
    "timeMatch has a clock of its own": Case(
        ours=no_model(MATCHER.replace("inWindow(r.env, p.window)", "timeMatch(p.window, p.window)")),
    ),
    "a time in another form raises": Case(ours=refused(("mon-fri 08:30-17:30", "0000-01-01 08:30:00"))),
    "enforce_ex names one rule only": Case(
        casbin=lambda: len(plain(ALLOW_A, ("a", "x", "allow ")).enforce_ex("a", "x")[1]) == len(ALLOW_A),
        ours=all_named,
    ),
    "[constraint_definition] is ignored": Case(
        ours=no_model_text("[matchers]", '[constraint_definition]\nc = sod("a", "b")\n[matchers]'),
    ),
    "an inline comment becomes part of a name": Case(ours=no_model_text("purpose, env", "purpose, env # where")),
    "eval() runs what a rule says": Case(
        ours=no_model(MATCHER.replace("r.op == p.op", "eval(p.op)")),
    ),
    "an effect without a default deny": Case(
        casbin=lambda: plain(effect="!some(where (p.eft == deny))").enforce("a", "x"),
        ours=no_model_text("some(where (p.eft == allow)) && ", ""),
    ),
    "the priority effect decides by order": Case(
        ours=no_model_text(DENY_OVERRIDES, "priority(p.eft) || deny"),
    ),
    "a condition that raises counts as no, also in a deny": Case(ours=denied(BROKEN, an_ask("f"))),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_pitfall_of_casbin_is_refused_or_denied(case: Case) -> None:
    assert case.casbin is None or case.casbin(), "Casbin does this no longer: the row may go"
    assert case.ours()
