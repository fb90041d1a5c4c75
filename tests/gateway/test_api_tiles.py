"""Tiles over HTTP: whoever has them alone has the whole tree, and an independent client reads it."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256

import httpx2
import pytest
from starlette.applications import Starlette
from tlog_scales.reader import TilesReader
from tlog_scales.signing import Vkey

from audit import checkpoint
from audit.checkpoint import Checkpoint
from audit.ledger import EMPTY_HEAD, Head
from audit.tiles import parse_tile_path, tiles_of
from audit.tree import Tile, extend, filled_tiles, perfect_root, root, split
from gateway.api.log import FOR_EVER, Log, log_routes
from tests.audit.make import LOG_SIGNERS, ORIGIN, a_trust
from tests.doors import problem_of
from tests.make import NOW

SIZE = 70_001
"""Two levels of full tiles, and a third that has begun."""


class Leaves:
    """A log of which nothing is known but hashes."""

    def __init__(self, size: int) -> None:
        self.leaves = [sha256(number.to_bytes(8, "big")).digest() for number in range(size)]
        self.frontier: list[bytes] = []
        extend(self.frontier, 0, self.leaves)
        tiles = filled_tiles(0, self.leaves, lambda *_: b"")
        self.tiles: dict[tuple[int, int], Tile] = {(tile.level, tile.index): tile for tile in tiles}

    def head(self) -> Head:
        return EMPTY_HEAD

    def entries(self, start: int, end: int) -> Iterator[bytes]:
        raise AssertionError(f"nobody may ask for entries here: {start} to {end}")

    def stored(self, start: int, end: int) -> list[tuple[bytes, bytes]]:
        raise AssertionError(f"nobody may ask for entries here: {start} to {end}")

    def disclosures(self, start: int, end: int) -> Iterator[tuple[int, bytes]]:
        raise AssertionError(f"nobody may ask for disclosures here: {start} to {end}")

    def floor(self) -> int:
        return 0

    def kept(self, end: int) -> Iterator[tuple[int, bytes]]:
        raise AssertionError(f"nobody may ask for entries here: up to {end}")

    def hashes(self, level: int, start: int, end: int) -> bytes:
        if level == 0:
            return b"".join(self.leaves[start:end])
        there = (self.tiles.get((level - 1, index)) for index in range(start, end))
        return b"".join(tile.root for tile in there if tile)


@dataclass
class Server:
    """The log's doors, asked in this process; `signed` leaves the last checkpoint out when it is empty."""

    leaves: Leaves
    size: int
    signed: bool = True

    def ask(self, path: str) -> httpx2.Response:
        async def send() -> httpx2.Response:
            routes = log_routes(Log(reader=self.leaves, latest=self.latest, trust=a_trust().encode))
            transport = httpx2.ASGITransport(app=Starlette(routes=routes))
            async with httpx2.AsyncClient(transport=transport, base_url="http://gateway") as client:
                return await client.get(f"/v1/log/{path}")

        return asyncio.run(send())

    def get(self, *path: str) -> bytes | None:
        """As tlog-scales wants it."""
        response = self.ask("/".join(path))
        return response.content if response.status_code == 200 else None

    def latest(self) -> bytes | None:
        frontier: list[bytes] = []
        extend(frontier, 0, self.leaves.leaves[: self.size])
        signed = checkpoint.sign(Checkpoint(ORIGIN, self.size, root(frontier)), LOG_SIGNERS, NOW)
        return signed if self.signed else None


@pytest.fixture(scope="module")
def leaves() -> Leaves:
    return Leaves(SIZE)


@pytest.mark.parametrize("size", [1, 255, 256, 257, 1000])
def test_the_tiles_alone_give_the_root_that_was_signed(leaves: Leaves, size: int) -> None:
    server = Server(leaves, size)
    got = {(each.level, each.number): split(server.ask(f"tile/{each}").content) for each in tiles_of(size)}

    known = [leaf for (level, _), row in sorted(got.items()) if level == 0 for leaf in row]
    frontier: list[bytes] = []
    extend(frontier, 0, known)
    above = [perfect_root(row) for (level, _), row in sorted(got.items()) if level == 0 and len(row) == 256]

    assert checkpoint.peek(server.ask("checkpoint").content).root == root(frontier)
    assert [node for (level, _), row in sorted(got.items()) if level == 1 for node in row] == above


def test_an_independent_client_reads_the_whole_tree(leaves: Leaves) -> None:
    reader = TilesReader(Server(leaves, SIZE))

    signed = reader.get_checkpoint()
    for signer in LOG_SIGNERS:
        signed.verify(Vkey.from_string(signer.vkey))

    assert reader.calculate_root_hash() == signed.root_hash
    for index in (0, 255, 256, 65_536, SIZE - 1):
        reader.get_inclusion_proof(index, SIZE).check(leaves.leaves[index], signed.root_hash)


def test_a_tile_may_be_kept_for_ever(leaves: Leaves) -> None:
    response = Server(leaves, 1000).ask("tile/0/003.p/7")

    assert response.headers["cache-control"] == FOR_EVER
    assert response.headers["content-type"] == "application/octet-stream"
    assert response.content == b"".join(leaves.leaves[768:775])


def test_of_what_is_not_signed_there_is_no_tile(leaves: Leaves) -> None:
    server = Server(leaves, 1000)

    for path in ("0/003", "0/003.p/233", "0/004", "1/000", "1/000.p/4", "2/000.p/1", "0/x001/000", "entries/000"):
        response = server.ask(f"tile/{path}")
        assert response.status_code == 404
        problem_of(response)
    assert server.ask("tile/1/000.p/3").status_code == 200


@pytest.mark.parametrize("path", ["", "0", "9/000", "0/0", "0/000.p/256", "0/%2e%2e/checkpoint", "0/x000/001"])
def test_what_is_no_path_is_not_found(leaves: Leaves, path: str) -> None:
    assert parse_tile_path(path) is None
    response = Server(leaves, 1000).ask(f"tile/{path}")

    assert response.status_code == 404
    problem_of(response)


def test_before_the_first_checkpoint_there_are_no_tiles(leaves: Leaves) -> None:
    response = Server(leaves, 1000, signed=False).ask("tile/0/000")

    assert response.status_code == 503
    problem_of(response)


def test_a_tile_that_is_not_all_there_is_not_given_out() -> None:
    torn = Leaves(300)
    torn.leaves = torn.leaves[:200]

    response = Server(torn, 256).ask("tile/0/000")

    assert response.status_code == 503
    problem_of(response)
