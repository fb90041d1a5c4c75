"""The yardstick: the plainest FastAPI service with pydantic both ways, in the same server with the same settings.

python -m ops.bench.echo PORT
"""

from __future__ import annotations

import gc
import sys

import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel

from ops.bench.load import ROUTE


class Subject(BaseModel):
    """As the gateway's."""

    kind: str
    id: str
    name: str | None = None


class Claim(BaseModel):
    """As the gateway's."""

    field: str
    value: str
    comparator: str = "equals"


class Query(BaseModel):
    """As the gateway's."""

    grant: str
    purpose: str
    operator: str
    subject: Subject
    claims: list[Claim]
    matter: str | None = None
    as_of: str | None = None


app = FastAPI(openapi_url=None)


@app.post(ROUTE)
async def echo(query: Query) -> Query:
    """The same again."""
    return query


def main(port: int) -> None:
    """Serves until the process is told to stop."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 50, 100)
    uvicorn.run(
        app,
        port=port,
        http="httptools",
        proxy_headers=False,
        server_header=False,
        access_log=False,
        log_config=None,
        lifespan="off",
    )


if __name__ == "__main__":
    main(int(sys.argv[1]))
