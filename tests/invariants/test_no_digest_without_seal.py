"""Promise 2, second half: serve without seal cannot make one digest.

The thief of these tests has all that serve has, its objects, its memory, its files, the database and the index, and
knows whom to look for. What a thief gets who also speaks to seal is in `test_seal_gives_no_more`.
"""

from __future__ import annotations

import gc
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from types import FunctionType, ModuleType

import msgspec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from adapters.index.parts import join
from adapters.index.sqlite import read_part
from adapters.keys.files import read_secret
from gateway.seal import SealingKey
from tests.invariants.running import Running
from tests.invariants.searching import files_of
from tests.invariants.world import World

SECRET_BYTES = 32
OF_SEAL = ("keys/seal/", "keys/sync/", "keys/load/", "source/", "data/seal/", "data/sync/")
"""What serve's user cannot read in production."""


class Guesser:
    """Tries secrets as the sealing key of this world's index."""

    def __init__(self, world: World) -> None:
        self._generation = world.gateway.pipeline.index.version.generation
        self._number = world.plain_person().id_number
        self._subjects = {
            join(sealed.head, sealed.tail) for path in world.home.index.rglob("*.sqlite") for sealed in read_part(path)
        }
        self.tried = 0

    def opens(self, secret: bytes) -> bool:
        """Whether this is the key that one subject of the index was sealed by."""
        self.tried += 1
        key = SealingKey(secret)
        link = key.prf("link")(_part("person") + _part(self._number))[:16]
        return key.prf("generation", self._generation)(link)[:16] in self._subjects


def test_with_the_key_itself_the_guesser_succeeds(world: World) -> None:
    secret = read_secret(world.home.keys / "seal" / "sealing.secret", None)

    assert Guesser(world).opens(secret)


def test_no_object_of_serve_is_the_sealing_key(world: World) -> None:
    world.ask(*(world.question(each) for each in world.people[:20]))
    guesser = Guesser(world)

    candidates = {secret for value in reachable((world.gateway, world.app)) for secret in secrets_in(value)}

    assert read_secret(world.home.keys / "serve" / "idempotency.secret", None) in candidates
    assert not any(guesser.opens(each) for each in candidates)
    assert guesser.tried > 100


def test_no_file_that_serve_can_read_holds_the_sealing_key(world: World) -> None:
    secret = read_secret(world.home.keys / "seal" / "sealing.secret", None)
    own = read_secret(world.home.keys / "serve" / "idempotency.secret", None)
    generation = world.gateway.pipeline.index.version.generation
    files = dict(files_of(world.home.path, but=OF_SEAL))

    assert any(b64encode(own) in content for content in files.values())
    for name, spelt in spellings_of(secret, generation).items():
        assert [path for path, content in files.items() if spelt in content] == [], name


def test_no_page_of_serves_memory_holds_a_secret_of_seal(running: Running) -> None:
    """All of the memory of the real processes: what serve must not have, seal does, so the search can find it."""
    keys = running.home.keys
    sealing, own = (read_secret(keys / place, None) for place in ("seal/sealing.secret", "serve/idempotency.secret"))
    running.ask(20)

    serve, seal = memory_of(running.serve.pid), memory_of(running.seal_pid)

    assert own in serve
    assert sealing in seal
    assert [name for name, secret in spellings_of(sealing, running.generation).items() if secret in serve] == []


def spellings_of(secret: bytes, generation: str) -> dict[str, bytes]:
    """The sealing key as it may lie in memory, and everything that is derived from it."""
    info = dict.fromkeys(("link", "field"), b"") | dict.fromkeys(("generation", "unit"), generation.encode())
    derived = {
        label: HKDF(algorithm=SHA256(), length=32, salt=None, info=_info(label.encode(), context)).derive(secret)
        for label, context in info.items()
    }
    padded = {
        f"{label} {pad:x}": bytes(octet ^ pad for octet in key.ljust(64, b"\0"))
        for label, key in derived.items()
        for pad in (0x36, 0x5C)
    }
    return {"raw": secret, "base64": b64encode(secret), "hex": secret.hex().encode(), **derived, **padded}


def memory_of(pid: int) -> bytes:
    """Every page of a process that can be read."""
    parts: list[bytes] = []
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            span, rights = line.split()[:2]
            first, after = (int(end, 16) for end in span.split("-"))
            if "r" in rights and "w" in rights:
                with suppress(OSError):
                    memory.seek(first)
                    parts.append(memory.read(after - first))
    return b"".join(parts)


def _info(label: bytes, context: bytes) -> bytes:
    return b"".join(_part(part.decode()) for part in (b"bidui-seal/1", b"intl", label, context))


def _part(text: str) -> bytes:
    return len(text.encode()).to_bytes(2, "big") + text.encode()


def reachable(root: object) -> Iterator[object]:
    """Everything that hangs on an object; of functions what they closed over, not the module they stand in."""
    seen: set[int] = set()
    waiting = [root]
    while waiting:
        each = waiting.pop()
        if id(each) in seen or isinstance(each, ModuleType | type):
            continue
        seen.add(id(each))
        yield each
        waiting += _held_by(each)


def _held_by(each: object) -> Sequence[object]:
    if isinstance(each, FunctionType):
        return [each.__closure__, each.__defaults__, each.__kwdefaults__]
    if isinstance(each, msgspec.Struct):  # some of these are out of the collector's sight
        return [getattr(each, name) for name in each.__struct_fields__]
    return gc.get_referents(each)


def secrets_in(value: object) -> Iterator[bytes]:
    """Every run of 32 bytes in a short value, also where it is spelt in hex or base64."""
    if isinstance(value, str):
        value = value.encode("utf-8", "ignore")
    if not isinstance(value, bytes | bytearray) or not SECRET_BYTES <= len(value) <= 256:
        return
    for content in (bytes(value), *_unspelt(bytes(value))):
        yield from (content[at : at + SECRET_BYTES] for at in range(len(content) - SECRET_BYTES + 1))


def _unspelt(value: bytes) -> Iterator[bytes]:
    decoders: tuple[Callable[[bytes], bytes], ...] = (_from_hex, _from_base64)
    for decode in decoders:
        with suppress(ValueError, Base64Error):
            yield decode(value)


def _from_hex(value: bytes) -> bytes:
    return bytes.fromhex(value.decode("ascii"))


def _from_base64(value: bytes) -> bytes:
    return b64decode(value, validate=True)
