"""Plain pycasbin as the authority: asked the same as the snapshot, at publishing and in tests, never to serve.

It looks through every rule for each decision, some microseconds a rule, so most questions are put to the rules that can
meet the one who asks (`within_reach`): rules of other departments are refused by their first look in either way.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final, NamedTuple

from policies.casbin_model import stock_enforcer
from policies.conditions import Env, local_minute, parse_address
from policies.decision import Permit
from policies.rows import Rules, ancestors, names_above
from policies.snapshot import Ask, Snapshot, denied_below, is_whole, names_of, reach

FULL_SAMPLES: Final = 50
"""How many questions are also put to plain pycasbin over all rules."""


class Question(NamedTuple):
    """One ask at one time."""

    ask: Ask
    at: datetime


class Stock:
    """Plain pycasbin over these rules, in the shipped model or in the one given."""

    def __init__(self, rules: Rules, model_text: str | None = None) -> None:
        self.rules: Final = rules
        self._enforcer = stock_enforcer(rules, model_text)
        self._below = denied_below(rules)

    def permitted(self, ask: Ask, at: datetime) -> frozenset[str]:
        """The fields that it allows; `Snapshot.judge` must permit the same."""
        address = parse_address(ask.address)
        if address is None or not self.rules.policy or not is_whole(ask, self.rules.matters):
            return frozenset()  # a matcher over no rules runs once with empty values, and may say yes
        env, units = Env(local_minute(at), address), reach(ask.units, self._below)
        decided = [(key, self._enforce(ask, key, op, unit, env)) for key, op in ask.claims for unit in units]
        return frozenset(key for key, _ in decided) - {key for key, allowed in decided if not allowed}

    def _enforce(self, ask: Ask, key: str, op: str, unit: str, env: Env) -> bool:
        return self._enforcer.enforce(*names_of(ask, key, op, unit), env)


def within_reach(rules: Rules, client: str) -> Rules:
    """The rules of the departments and tiers above a client, and its links alone."""
    roles = ancestors(client, names_above(rules.clients))
    return replace(
        rules,
        policy=tuple(row for row in rules.policy if row.role in roles),
        clients=tuple(link for link in rules.clients if link[0] == client or link[0] in roles),
    )


def compare(snapshot: Snapshot, questions: Sequence[Question], seed: str) -> Iterator[Question]:
    """The questions on which the snapshot and plain pycasbin disagree; one may come twice.

    All of them over the rules within reach of who asks; some, drawn by the seed and half of them permitted as far as
    there are such, over all rules.
    """
    within: dict[str, Stock] = {}
    for question in questions:
        client = question.ask.client
        stock = within.get(client) or within.setdefault(client, Stock(within_reach(snapshot.rules, client)))
        if permitted(snapshot, question) != stock.permitted(*question):
            yield question
    whole = Stock(snapshot.rules)
    for question in drawn(snapshot, questions, seed):
        if permitted(snapshot, question) != whole.permitted(*question):
            yield question


def drawn(snapshot: Snapshot, questions: Iterable[Question], seed: str) -> list[Question]:
    """The sample of questions that are put to all rules."""
    chance = random.Random(seed)  # noqa: S311 - a sample that anybody can draw again, no secret
    sides: Mapping[bool, list[Question]] = {True: [], False: []}
    for question in questions:
        sides[bool(permitted(snapshot, question))].append(question)
    yes = chance.sample(sides[True], min(FULL_SAMPLES // 2, len(sides[True])))
    return yes + chance.sample(sides[False], min(FULL_SAMPLES - len(yes), len(sides[False])))


def permitted(snapshot: Snapshot, question: Question) -> frozenset[str]:
    """The fields that the snapshot permits."""
    found = snapshot.judge(*question)
    return found.fields if isinstance(found, Permit) else frozenset()
