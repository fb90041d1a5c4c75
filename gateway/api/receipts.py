"""`GET /v1/receipts/{index}/proof`: the tlog-proof file (C2SP) of a receipt, for the partner whose entry it is.

It proves that the entry stands under a signed checkpoint. Whose an index is that is not the caller's own is not told.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from audit.checkpoint import peek
from audit.entry import decode
from audit.errors import EntryError
from audit.proof import TlogProof
from audit.reader import suite_of_log
from audit.tree import StoredTree
from gateway.api.identify import Identify, admit
from gateway.api.log import Log
from gateway.api.problems import problem
from gateway.domain.caller import Caller


@dataclass(frozen=True, kw_only=True)
class ReceiptDoor:
    """What stands behind it."""

    identify: Identify
    log: Log

    async def proof(self, request: Request) -> Response:
        """`GET /v1/receipts/{index}/proof`"""
        caller = await admit(self.identify, request.scope)
        if not isinstance(caller, Caller):
            return caller
        return await asyncio.to_thread(self._proof, caller.partner, int(request.path_params["index"]))

    def _proof(self, partner: str, index: int) -> Response:
        if not self._is_of(partner, index):
            return problem("not-found", 404, "没有此回执，或它不属于本部门")
        latest = self.log.latest()
        if latest is None or peek(latest).size <= index:
            return problem("unavailable", 503, "尚无检查点覆盖此回执，请稍后重试", headers={"Retry-After": "1"})
        tree = StoredTree(peek(latest).size, self.log.reader.hashes, suite_of_log(self.log.reader).digest)
        proof = TlogProof(index=index, path=tuple(tree.inclusion(index)), checkpoint=latest)
        name = {"Content-Disposition": f'attachment; filename="{index}.tlog-proof"'}
        return Response(proof.encode(), media_type="text/plain", headers=name)

    def _is_of(self, partner: str, index: int) -> bool:
        """Of a pruned entry nothing is left that could be somebody else's: its proof is anybody's."""
        reader = self.log.reader
        if not 0 <= index < reader.head().size:
            return False
        content = next(iter(reader.entries(index, index + 1)), None)
        if content is None:
            return index < reader.floor()
        try:
            entry = decode(content)
        except EntryError:
            return False
        return isinstance(entry, dict) and entry.get("partner") == partner


def receipt_routes(door: ReceiptDoor) -> list[Route]:
    """The route."""
    return [Route("/v1/receipts/{index:int}/proof", door.proof, methods=["GET"])]
