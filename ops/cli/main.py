"""`bidui`: one command, one word for each thing that is done.

What belongs to a word is loaded when the word is used: a process that is started a hundred times, as a sealing process
or a worker is, would otherwise spend more time on loading everything else than on its own work.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, MutableMapping
from importlib import import_module
from typing import Any, Final, cast

import typer
from typer.core import TyperGroup
from typer.main import get_command

WORDS: Final[Mapping[str, str]] = {
    "init": "processes.init",
    "migrate": "processes.migrate",
    "serve": "processes.serve",
    "seal": "sealing.seal",
    "sync": "sync.sync",
    "decoys": "decoys.app",
    "token": "token.token",
    "compare": "compare.compare",
    "document": "document.app",
    "enrol": "office.entering.enrol",
    "sign-in": "office.entering.sign_in",
    "sign-out": "office.entering.sign_out",
    "step-up": "office.entering.step_up",
    "whoami": "office.entering.whoami",
    "tasks": "office.tasks.tasks",
    "undertake": "office.consents.undertake",
    "freeze": "office.freezing.freeze",
    "release": "office.freezing.release",
    "explain": "office.explaining.explain",
    "demo": "demo.demo",
    "doctor": "doctor.doctor",
    "openapi": "openapi.openapi",
    "person": "office.people.app",
    "partner": "office.partners.app",
    "system": "office.systems.app",
    "agreement": "office.consents.app",
    "rulebooks": "office.rulebooks.app",
    "grant": "grants.app",
    "cohort": "cohort.app",
    "deed": "office.deeds.app",
    "statement": "statement.app",
    "audit": "audit.app",
    "log": "log.app",
    "policy": "policy.app",
    "witness": "witness.app",
    "watch": "watching.app",
    "bench": "bench.app",
    "simulate": "simulate.simulation",
}
"""Each word, and where under `ops.cli` its function or its group stands."""


class _Loaded(Mapping[str, Any]):
    """The commands by their words. Typer's own dictionary would hold them all from the start."""

    def __getitem__(self, word: str) -> Any:
        module, _, name = WORDS[word].rpartition(".")
        found = getattr(import_module(f"ops.cli.{module}"), name)
        if not isinstance(found, typer.Typer):
            alone = typer.Typer(add_completion=False)
            alone.command(word)(found)
            return get_command(alone)
        command = get_command(found)
        command.name = word
        return command

    def __iter__(self) -> Iterator[str]:
        return iter(WORDS)

    def __len__(self) -> int:
        return len(WORDS)


class _Words(TyperGroup):
    """Every word of the command."""

    def __init__(self, **told: Any) -> None:
        super().__init__(**told)
        self.commands = cast("MutableMapping[str, Any]", _Loaded())


app = typer.Typer(name="bidui", cls=_Words, no_args_is_help=True, pretty_exceptions_enable=False)


@app.callback()
def group() -> None:
    """比对：机构编制实名制数据的比对网关。只答是否一致，不提供数据。"""


def main() -> None:
    """The entry point. What the product writes is for its own user and group."""
    os.umask(0o027)
    app()


if __name__ == "__main__":
    main()
