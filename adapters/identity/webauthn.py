"""WebAuthn (W3C Web Authentication level 3) by `py_webauthn`: ES256 alone, the user verified, on our own pages alone.

Attestation is not asked for: that a key is this person's, two administrators sign.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from hashlib import sha256
from typing import cast

from webauthn import (
    generate_authentication_options,
    generate_registration_options,
    options_to_json,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers import (
    decode_credential_public_key,
    encode_cbor,
    parse_authentication_credential_json,
    parse_client_data_json,
    parse_registration_credential_json,
)
from webauthn.helpers.cose import COSEAlgorithmIdentifier
from webauthn.helpers.decode_credential_public_key import DecodedEC2PublicKey
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticationCredential,
    AuthenticatorSelectionCriteria,
    CollectedClientData,
    PublicKeyCredentialDescriptor,
    RegistrationCredential,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from gateway.accounts.ports import Registered
from gateway.domain.people import PersonKey

LONGEST_ANSWER = 16 * 1024
_ES256 = COSEAlgorithmIdentifier.ECDSA_SHA_256
_KTY, _ALG, _CRV, _X, _Y = 1, 3, -1, -2, -3
_EC2, _P256, _COORDINATE = 2, 1, 32
_ERRORS = (WebAuthnException, ValueError, KeyError, TypeError)
"""What the library raises for answers that are wrong or no answers; anything else is a fault of ours."""


class WebAuthn:
    """Keeps the promise of `gateway.accounts.ports.Authenticators`. `origins` are those of our pages, in full."""

    def __init__(self, rp_id: str, rp_name: str, origins: Sequence[str]) -> None:
        self._rp_id, self._rp_name, self._origins = rp_id, rp_name, list(origins)

    @property
    def rp_id(self) -> str:
        return self._rp_id

    def creation(self, account: str, challenge: bytes, known: Sequence[bytes]) -> dict[str, object]:
        """The user handle follows from the account and says nothing; neither does the display name."""
        options = generate_registration_options(
            rp_id=self._rp_id,
            rp_name=self._rp_name,
            user_id=sha256(b"bidui-user/1\n" + account.encode()).digest(),
            user_name=account,
            challenge=challenge,
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.DISCOURAGED,
                user_verification=UserVerificationRequirement.REQUIRED,
            ),
            supported_pub_key_algs=[_ES256],
            exclude_credentials=_descriptors(known),
        )
        return _as_dict(options_to_json(options))

    def request(self, challenge: bytes, credentials: Sequence[bytes]) -> dict[str, object]:
        options = generate_authentication_options(
            rp_id=self._rp_id,
            challenge=challenge,
            allow_credentials=_descriptors(credentials),
            user_verification=UserVerificationRequirement.REQUIRED,
        )
        return _as_dict(options_to_json(options))

    def register(self, answer: str, challenge: bytes) -> Registered | None:
        try:
            return self._register(answer, challenge)
        except _ERRORS:
            return None

    def challenge_of(self, answer: str) -> bytes:
        try:
            return _challenge_of(answer)
        except _ERRORS:
            return b""

    def count(self, answer: str, challenge: bytes, credential: bytes, key: PersonKey, sign_count: int) -> int | None:
        """A counter that does not grow, of an authenticator that counts, is a copy: refused."""
        try:
            told = parse_authentication_credential_json(answer)
            if told.raw_id != credential or key.rp_id != self._rp_id or _client(told).cross_origin:
                return None
            verified = verify_authentication_response(
                credential=told,
                expected_challenge=challenge,
                expected_rp_id=self._rp_id,
                expected_origin=self._origins,
                credential_public_key=_cose(key.public),
                credential_current_sign_count=sign_count,
                require_user_verification=True,
            )
        except _ERRORS:
            return None
        return verified.new_sign_count

    def _register(self, answer: str, challenge: bytes) -> Registered | None:
        if len(answer) > LONGEST_ANSWER:
            return None
        told = parse_registration_credential_json(answer)
        client = _client(told)
        verified = verify_registration_response(
            credential=told,
            expected_challenge=challenge,
            expected_rp_id=self._rp_id,
            expected_origin=self._origins,
            require_user_verification=True,
            supported_pub_key_algs=[_ES256],
        )
        public = _point(verified.credential_public_key)
        if not public or client.cross_origin:
            return None
        return Registered(public, verified.credential_id, verified.sign_count, client.origin)


def _challenge_of(answer: str) -> bytes:
    if len(answer) > LONGEST_ANSWER:
        return b""
    return _client(parse_authentication_credential_json(answer)).challenge


def _client(told: AuthenticationCredential | RegistrationCredential) -> CollectedClientData:
    """What the browser says about the page that asked."""
    return parse_client_data_json(bytes(told.response.client_data_json))


def _descriptors(credentials: Sequence[bytes]) -> list[PublicKeyCredentialDescriptor]:
    return [PublicKeyCredentialDescriptor(id=each) for each in credentials]


def _point(cose: bytes) -> bytes:
    """The key as an uncompressed point of P-256; empty for any other key."""
    key = decode_credential_public_key(cose)
    if not isinstance(key, DecodedEC2PublicKey) or (key.alg, key.crv) != (_ES256, _P256):
        return b""
    return b"\x04" + key.x.rjust(_COORDINATE, b"\0") + key.y.rjust(_COORDINATE, b"\0")


def _cose(point: bytes) -> bytes:
    x, y = point[1 : 1 + _COORDINATE], point[1 + _COORDINATE :]
    return encode_cbor({_KTY: _EC2, _ALG: _ES256.value, _CRV: _P256, _X: x, _Y: y})


def _as_dict(text: str) -> dict[str, object]:
    return cast("dict[str, object]", json.loads(text))
