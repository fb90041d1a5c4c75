"""`bidui openapi`: the description of the interface."""

from __future__ import annotations

import msgspec

from gateway.api.openapi import document
from ops.cli.console import say
from policies.catalogue import load_catalogue


def openapi() -> None:
    """打印接口说明（OpenAPI 3.1）。"""
    say(msgspec.json.format(msgspec.json.encode(document(load_catalogue())), indent=2).decode())
