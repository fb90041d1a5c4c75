"""Note signatures with SM2 over SM3 (GB/T 32918.2), for the suite `gm`.

The signed-note specification has no number for SM2, so these carry 0xff, its number for all others, and our own label
before the key; a signature is r and s, 32 bytes each, over the note's text. Other tools ignore them.

Keys and signatures are made by GmSSL (`pip install bidui[gm]`), which draws its own randomness.
"""

from datetime import datetime
from importlib import import_module
from typing import NamedTuple, Protocol, cast

from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from audit.errors import NoteError, SuiteError
from audit.note import Algorithm, VKey, make_vkey

LABEL = b"bidui-sm2/1\n"
_UNCOMPRESSED = b"\x04"
_POINT, _SCALAR = 64, 32
KEY_BYTES = _SCALAR + _POINT


class _GmSsl(Protocol):
    """What we use of the library, which ships no types."""

    def sm2_key_generate(self) -> tuple[bytes, bytes]: ...
    def sm2_sign(self, private: bytes, public: bytes, message: bytes, /) -> bytes: ...
    def sm2_verify(self, public: bytes, message: bytes, signature: bytes, /) -> bool: ...


class Sm2Key(NamedTuple):
    """A private key and its point, without the byte that says it is not compressed."""

    private: bytes
    public: bytes

    def __repr__(self) -> str:
        """Show that it is one."""
        return "Sm2Key(***)"

    @property
    def content(self) -> bytes:
        """Both, as a key file keeps them."""
        return self.private + self.public


def make_key() -> Sm2Key:
    """Make a new key. Raise `SuiteError` without the library."""
    public, private = _library().sm2_key_generate()
    return Sm2Key(private, public)


def read_key(content: bytes) -> Sm2Key:
    """Read what `Sm2Key.content` wrote. Raise `NoteError`."""
    if len(content) != KEY_BYTES:
        raise NoteError(f"an SM2 key is {KEY_BYTES} bytes")
    return Sm2Key(content[:_SCALAR], content[_SCALAR:])


class Sm2Signer:
    """Signs notes with SM2."""

    def __init__(self, name: str, key: Sm2Key) -> None:
        """Take a name without spaces and plus signs, usually the log's origin, and its key."""
        vkey = make_vkey(name, Algorithm.OTHER, LABEL + _UNCOMPRESSED + key.public)
        self.name, self.vkey = name, str(vkey)
        self._key_id, self._key, self._library = vkey.key_id, key, _library()

    def sign(self, text: str, at: datetime | None = None) -> bytes:
        """Return key id and signature; this type carries no time."""
        encoded = self._library.sm2_sign(self._key.private, self._key.public, text.encode())
        r, s = decode_dss_signature(encoded)
        return self._key_id + r.to_bytes(_SCALAR, "big") + s.to_bytes(_SCALAR, "big")


class Sm2Verifier:
    """Checks SM2 signatures."""

    def __init__(self, vkey: VKey) -> None:
        """Take a parsed verifier key of this type."""
        point = vkey.public.removeprefix(LABEL + _UNCOMPRESSED)
        if len(point) != _POINT or len(vkey.public) == _POINT:
            raise NoteError(f"the verifier key of {vkey.name} is not an SM2 key")
        self.vkey, self.name, self.key_id = str(vkey), vkey.name, vkey.key_id
        self._point, self._library = point, _library()

    def verify(self, text: str, signature: bytes) -> bool:
        """Tell whether this is the key's signature over the text."""
        if len(signature) != 2 * _SCALAR:
            return False
        r, s = (int.from_bytes(part, "big") for part in (signature[:_SCALAR], signature[_SCALAR:]))
        try:
            return self._library.sm2_verify(self._point, text.encode(), encode_dss_signature(r, s))
        except Exception:  # noqa: BLE001 - the library has its own error for a point off the curve; whatever it is, it does not hold
            return False


def _library() -> _GmSsl:
    """An extra: only the suite gm needs it."""
    try:
        return cast("_GmSsl", import_module("gmssl_pyx"))
    except ImportError as error:
        raise SuiteError("the suite gm needs GmSSL: pip install 'bidui[gm]'") from error
