"""Keys: made once, whole or not at all; kept for their holder; read only when nobody else could."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Mapping
from datetime import timedelta
from hashlib import sha256
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from adapters.keys import making
from adapters.keys.disclosures import DisclosureKeyFiles
from adapters.keys.files import (
    KeyFileError,
    Passphrase,
    private_folder,
    read_ed25519,
    read_ed25519_public,
    read_mldsa44,
    read_p256,
    read_passphrase,
    read_private,
    read_secret,
    write_new,
    write_secret,
)
from adapters.keys.making import make_all, make_client, read_client
from adapters.keys.ring import seal_keys, serve_keys, sync_keys
from gateway.domain.partner_file import parse_partner
from tests.adapters.make_identity import AT, StandingClock, partner_data, rsa_key


class Counting:
    """Randomness a test can repeat."""

    def __init__(self) -> None:
        self.drawn = 0

    def __call__(self, size: int) -> bytes:
        self.drawn += 1
        return b"".join(sha256(f"{self.drawn}/{part}".encode()).digest() for part in range(size // 32 + 1))[:size]


def a_home(path: Path, passphrase: Passphrase | None = None) -> Path:
    make_all(path, StandingClock(), Counting(), passphrase=passphrase)
    return path


def modes(folder: Path) -> dict[str, int]:
    return {str(path.relative_to(folder)): stat.S_IMODE(path.stat().st_mode) for path in sorted(folder.rglob("*"))}


def test_every_private_file_is_its_holders_alone(tmp_path: Path) -> None:
    mask = os.umask(0)
    try:
        a_home(tmp_path)
    finally:
        os.umask(mask)

    found = modes(tmp_path / "keys")
    public = {name: mode for name, mode in found.items() if name.endswith((".pub", ".crt"))}
    assert set(public.values()) == {0o644}
    folders = {name: mode for name, mode in found.items() if "." not in name}
    assert folders == dict.fromkeys(("serve", "seal", "sync", "authority"), 0o700)
    assert {mode for name, mode in found.items() if name not in public and name not in folders} == {0o600}


def test_each_process_finds_its_ring_and_they_fit(tmp_path: Path) -> None:
    home = a_home(tmp_path)
    serve, seal, sync = serve_keys(home), seal_keys(home), sync_keys(home)

    assert seal.sealing == sync.sealing
    assert len({seal.sealing, serve.idempotency, serve.proxy}) == 3
    sync_public = sync.sync.public_key()
    assert sync_public == serve.sync
    signature = serve.checkpoints_mldsa44.sign(b"root")
    serve.checkpoints_mldsa44.public_key().verify(signature, b"root")


def test_the_folder_of_serve_holds_no_sealing_key(tmp_path: Path) -> None:
    home = a_home(tmp_path)
    sealing = seal_keys(home).sealing

    for path in (home / "keys" / "serve").rglob("*"):
        assert sealing not in path.read_bytes()
        assert path.name != "sealing.secret"


def test_no_ring_and_no_client_shows_a_key(tmp_path: Path) -> None:
    home = a_home(tmp_path)
    client = make_client(home, "hr-payroll", StandingClock(), Counting())

    for shown in (serve_keys(home), seal_keys(home), sync_keys(home), client, Passphrase(b"open sesame")):
        text = repr(shown)
        assert "Private" not in text
        assert "sesame" not in text
        assert seal_keys(home).sealing.hex() not in text


def test_the_same_randomness_makes_the_same_keys(tmp_path: Path) -> None:
    rings = [serve_keys(a_home(tmp_path / name)) for name in ("one", "two")]

    one, two = (each.token.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo) for each in rings)
    assert one == two
    assert rings[0].receipts.private_bytes_raw() == rings[1].receipts.private_bytes_raw()


def test_keys_are_made_once(tmp_path: Path) -> None:
    home = a_home(tmp_path)
    before = {path: path.read_bytes() for path in (home / "keys").rglob("*") if path.is_file()}

    with pytest.raises(KeyFileError, match="made once"):
        make_all(home, StandingClock(), Counting())
    assert {path: path.read_bytes() for path in (home / "keys").rglob("*") if path.is_file()} == before


def test_a_making_that_dies_half_way_leaves_nothing(tmp_path: Path) -> None:
    counting = Counting()

    def dying(size: int) -> bytes:
        if counting.drawn > 8:
            raise OSError("no more randomness")
        return counting(size)

    with pytest.raises(OSError, match="randomness"):
        make_all(tmp_path, StandingClock(), dying)
    assert list(tmp_path.iterdir()) == []
    a_home(tmp_path)


def test_a_passphrase_locks_every_private_file(tmp_path: Path) -> None:
    home = a_home(tmp_path, Passphrase(b"right"))
    keys = home / "keys"

    assert serve_keys(home, Passphrase(b"right")).idempotency
    for path in [*keys.rglob("*.pem"), *keys.rglob("*.secret")]:
        assert b"BEGIN PRIVATE" not in path.read_bytes()
        assert b"secret/1 plain" not in path.read_bytes()
    for wrong in (None, Passphrase(b"wrong")):
        with pytest.raises(KeyFileError, match="passphrase is missing, wrong or not needed"):
            serve_keys(home, wrong)
        with pytest.raises(KeyFileError, match="passphrase is missing, wrong or not needed"):
            seal_keys(home, wrong)


def test_a_passphrase_that_is_not_needed_is_an_error(tmp_path: Path) -> None:
    home = a_home(tmp_path)

    with pytest.raises(KeyFileError, match="not needed"):
        serve_keys(home, Passphrase(b"any"))
    with pytest.raises(KeyFileError, match="not needed"):
        seal_keys(home, Passphrase(b"any"))


def test_a_passphrase_is_the_first_line_of_a_private_file(tmp_path: Path) -> None:
    write_new(tmp_path / "passphrase", b"open sesame\r\nsecond line\n")
    assert read_passphrase(tmp_path / "passphrase").reveal() == b"open sesame"

    write_new(tmp_path / "empty", b"\n")
    with pytest.raises(KeyFileError, match="empty"):
        read_passphrase(tmp_path / "empty")
    (tmp_path / "passphrase").chmod(0o640)
    with pytest.raises(KeyFileError, match="chmod 600"):
        read_passphrase(tmp_path / "passphrase")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o610, 0o601])
def test_a_key_that_others_could_read_is_not_read(tmp_path: Path, mode: int) -> None:
    write_new(tmp_path / "key", b"x")
    (tmp_path / "key").chmod(mode)

    with pytest.raises(KeyFileError, match="can be read by others"):
        read_private(tmp_path / "key")


def test_a_key_of_another_user_is_not_read(tmp_path: Path) -> None:
    write_new(tmp_path / "key", b"x")
    if os.geteuid() == 0:
        os.chown(tmp_path / "key", 65534, 65534)
        expected = "belongs to another user"
    else:
        (tmp_path / "key").chmod(0o000)
        expected = "cannot be read"

    with pytest.raises(KeyFileError, match=expected):
        read_private(tmp_path / "key")


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    write_new(tmp_path / "key", b"x")
    (tmp_path / "link").symlink_to(tmp_path / "key")

    with pytest.raises(KeyFileError, match="cannot be read"):
        read_private(tmp_path / "link")


def test_a_file_is_never_overwritten(tmp_path: Path) -> None:
    write_new(tmp_path / "key", b"first")

    with pytest.raises(KeyFileError, match="never overwritten"):
        write_new(tmp_path / "key", b"second")
    assert (tmp_path / "key").read_bytes() == b"first"
    assert [path.name for path in tmp_path.iterdir()] == ["key"]


def test_a_folder_that_others_enter_is_refused(tmp_path: Path) -> None:
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o755)

    with pytest.raises(KeyFileError, match="chmod 700"):
        private_folder(tmp_path / "open")


READERS: Mapping[str, Callable[[Path], object]] = {
    "Ed25519": lambda path: read_ed25519(path, None),
    "ML-DSA-44": lambda path: read_mldsa44(path, None),
    "P-256": lambda path: read_p256(path, None),
}


@pytest.mark.parametrize("needed", READERS)
def test_a_key_of_another_kind_is_refused(tmp_path: Path, needed: str) -> None:
    keys = a_home(tmp_path) / "keys"
    other = keys / "serve" / ("receipts.pem" if needed != "Ed25519" else "token.pem")

    with pytest.raises(KeyFileError, match=f"{needed} is needed"):
        READERS[needed](other)


def test_what_is_no_key_is_refused_by_name(tmp_path: Path) -> None:
    for name in ("key.pem", "key.secret"):
        write_new(tmp_path / name, b"-----BEGIN NOTHING-----")
    (tmp_path / "key.pub").write_bytes(b"nothing")
    keys = a_home(tmp_path / "home") / "keys"

    with pytest.raises(KeyFileError, match=r"key\.pem is no private key"):
        read_ed25519(tmp_path / "key.pem", None)
    with pytest.raises(KeyFileError, match=r"key\.secret is no secret"):
        read_secret(tmp_path / "key.secret", None)
    with pytest.raises(KeyFileError, match="no public key"):
        read_ed25519_public(tmp_path / "key.pub")
    with pytest.raises(KeyFileError, match="cannot be read"):
        read_ed25519_public(tmp_path / "missing.pub")
    with pytest.raises(KeyFileError, match="Ed25519 is needed"):
        read_ed25519_public(keys / "token.pub")


def test_a_changed_secret_does_not_open(tmp_path: Path) -> None:
    lock = Passphrase(b"right")
    write_secret(tmp_path / "one", b"secret", lock, Counting())
    assert read_secret(tmp_path / "one", lock) == b"secret"

    body = bytearray((tmp_path / "one").read_bytes())
    body[-4] ^= 1
    write_new(tmp_path / "two", bytes(body))
    with pytest.raises(KeyFileError, match="is no secret"):
        read_secret(tmp_path / "two", lock)


def test_the_made_certificates_form_a_chain(tmp_path: Path) -> None:
    home = a_home(tmp_path)
    client = make_client(home, "hr-payroll", StandingClock(), Counting())
    authority = x509.load_pem_x509_certificate((home / "keys" / "authority.crt").read_bytes())
    server = x509.load_pem_x509_certificate((home / "keys" / "tls.crt").read_bytes())
    policy = PolicyBuilder().store(Store([authority])).time(AT)

    for name in (x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1")), x509.IPAddress(ip_address("::1"))):
        assert policy.build_server_verifier(name).verify(server, [])
    with pytest.raises(VerificationError):
        policy.build_server_verifier(x509.DNSName("bidui.example")).verify(server, [])
    late = PolicyBuilder().store(Store([authority])).time(AT + timedelta(days=398))
    with pytest.raises(VerificationError):
        late.build_server_verifier(x509.DNSName("localhost")).verify(server, [])
    client.certificate.verify_directly_issued_by(authority)


def test_a_clients_keys_are_what_a_partner_file_registers(tmp_path: Path) -> None:
    home, data = a_home(tmp_path), partner_data()
    client = make_client(home, "hr-payroll", StandingClock(), Counting())
    systems = data["systems"]
    assert isinstance(systems, list)
    systems[0] |= {"jwks": [client.jwk()], "certificates": [client.thumbprint()]}

    partner = parse_partner(data, "hr.toml")

    assert set(partner.systems[0].certificates) == {client.thumbprint()}
    again = read_client(home, "hr-payroll")
    assert (again.jwk(), again.thumbprint()) == (client.jwk(), client.thumbprint())
    with pytest.raises(KeyFileError, match="never overwritten"):
        make_client(home, "hr-payroll", StandingClock(), Counting())


def test_disclosure_keys_come_one_a_month_and_end_with_their_file(tmp_path: Path) -> None:
    folder = tmp_path / "disclosures"
    files = DisclosureKeyFiles(folder, None, Counting())
    june, july = files.current("2026-06"), files.current("2026-07")
    assert files.current("2026-06") == june
    assert len({len(june.kid), len(july.kid)}) == 1
    assert files.open(june.kid) is june

    (folder / f"{june.kid}.secret").unlink()

    assert files.open(june.kid) is None
    assert DisclosureKeyFiles(folder, None, Counting()).open(july.kid) is not None


@pytest.mark.parametrize("kid", ["", "../../serve/token", "2026-06.secret", "2026-0G"])
def test_only_names_of_disclosure_keys_reach_the_folder(tmp_path: Path, kid: str) -> None:
    (tmp_path / ".secret").write_bytes(b"")

    assert DisclosureKeyFiles(tmp_path / "disclosures", None, Counting()).open(kid) is None


def test_an_rsa_key_is_no_p256_key(tmp_path: Path) -> None:
    pem = rsa_key("any").private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    write_new(tmp_path / "rsa.pem", pem)

    with pytest.raises(KeyFileError, match="P-256 is needed"):
        read_p256(tmp_path / "rsa.pem", None)


def test_the_module_text_lists_what_is_made(tmp_path: Path) -> None:
    keys = a_home(tmp_path) / "keys"
    told = making.__doc__ or ""

    for path in keys.rglob("*"):
        if path.suffix in {".pem", ".secret"}:
            assert path.name in told, path.name
