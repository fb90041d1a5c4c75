"""`bidui`: one command, one word for each thing that is done."""

from __future__ import annotations

import os

import msgspec
import typer

from gateway.api.openapi import document
from ops.cli import access, audit, bench, cohort, entries, grants, log, policy, processes, trail
from ops.cli.compare import compare
from ops.cli.console import say
from ops.cli.demo import demo
from ops.cli.doctor import doctor
from ops.cli.office import consents, deeds, entering, explaining, freezing, partners, people, rulebooks, systems, tasks
from ops.cli.statement import app as statement
from ops.cli.sync import sync
from ops.cli.token import token
from ops.cli.witness import app as witness
from policies.catalogue import load_catalogue

app = typer.Typer(
    name="bidui",
    help="比对：机构编制实名制数据的比对网关。只答是否一致，不提供数据。",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


def openapi() -> None:
    """打印接口说明（OpenAPI 3.1）。"""
    say(msgspec.json.format(msgspec.json.encode(document(load_catalogue())), indent=2).decode())


GROUPS = {
    "person": people.app,
    "partner": partners.app,
    "system": systems.app,
    "agreement": consents.app,
    "rulebooks": rulebooks.app,
    "grant": grants.app,
    "cohort": cohort.app,
    "deed": deeds.app,
    "statement": statement,
    "audit": audit.app,
    "log": log.app,
    "policy": policy.app,
    "witness": witness,
    "bench": bench.app,
}

for command in (
    processes.init,
    processes.migrate,
    processes.serve,
    processes.seal,
    sync,
    token,
    compare,
    entering.enrol,
    entering.sign_in,
    entering.sign_out,
    entering.step_up,
    entering.whoami,
    tasks.tasks,
    consents.undertake,
    freezing.freeze,
    freezing.release,
    explaining.explain,
    demo,
    doctor,
    openapi,
):
    app.command()(command)
policy.app.command("rehearse")(explaining.rehearse)
for look in (trail.search, trail.hours, trail.views, trail.reindex, entries.entry, entries.proof):
    audit.app.command()(look)
audit.app.command()(access.about)
audit.app.command()(access.sealed)
for name, group in GROUPS.items():
    app.add_typer(group, name=name)


def main() -> None:
    """The entry point. What the product writes is for its own user and group."""
    os.umask(0o027)
    app()


if __name__ == "__main__":
    main()
