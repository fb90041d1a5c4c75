"""Writing a partner as the TOML that `parse_partner` reads: what is written parses to the same partner."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping

from gateway.domain.caller import Operator, Partner, System


def write_partner(partner: Partner) -> str:
    """The partner file's text. It holds operators' names: it is kept like the folder it goes into."""
    return "\n".join(_lines(partner)) + "\n"


def _lines(partner: Partner) -> Iterator[str]:
    yield from _pairs({name: getattr(partner, name) for name in ("code", "zh", "en", "department")})
    for system in partner.systems:
        yield from _system(system)
    for operator in partner.operators.values():
        yield from _operator(operator)


def _system(system: System) -> Iterator[str]:
    yield from ("", "[[systems]]")
    yield from _pairs({"client_id": system.client_id, "alg": system.alg})
    yield f"certificates = {_list(sorted(system.certificates))}"
    networks = (f"{name} = {_list(str(each) for each in ranges)}" for name, ranges in system.networks.items())
    yield f"networks = {{ {', '.join(networks)} }}"
    for key in system.jwks:
        yield "[[systems.jwks]]"
        yield from _pairs({"kid": key.kid, "kty": key.kty, **key.members})


def _operator(operator: Operator) -> Iterator[str]:
    yield from ("", "[[operators]]")
    yield from _pairs({"id": operator.id, "name": operator.name, "kind": operator.kind.value})
    if operator.owner is not None:
        yield from _pairs({"owner": operator.owner})


def _pairs(values: Mapping[str, str]) -> Iterator[str]:
    return (f"{key} = {_text(value)}" for key, value in values.items())


def _list(values: Iterable[str]) -> str:
    return f"[{', '.join(_text(value) for value in values)}]"


def _text(value: str) -> str:
    """A TOML basic string: JSON's spelling, plus DEL, which TOML does not take raw."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
