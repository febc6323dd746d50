"""The WebAuthn ceremonies, and the only importer of `webauthn`.

Options go out and responses come in as the JSON forms of WebAuthn Level 3 section 5.1; this module
keeps nothing between the two halves.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import cbor2
import msgspec
from cryptography.exceptions import UnsupportedAlgorithm as NoSuchAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from webauthn import (
    generate_authentication_options,
    generate_registration_options,
    options_to_json,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.authentication.verify_authentication_response import VerifiedAuthentication
from webauthn.helpers import (
    decode_credential_public_key,
    decoded_public_key_to_cryptography,
    parse_attestation_object,
)
from webauthn.helpers.cose import COSEAlgorithmIdentifier
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AttestationConveyancePreference,
    AttestationFormat,
    AttestationObject,
    AuthenticatorSelectionCriteria,
    CredentialDeviceType,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)
from webauthn.registration.verify_registration_response import VerifiedRegistration

from pairing_server.keys import ctap_cbor
from pairing_server.keys.credential import AttestationVerdict, NewKey
from pairing_server.keys.refusals import (
    AttestationNotAccepted,
    InvalidAssertion,
    InvalidCredential,
    SignCountRegressed,
)
from pairing_server.tokens import b64url, b64url_decode

KEY_TYPES = {
    COSEAlgorithmIdentifier.ECDSA_SHA_256: EllipticCurvePublicKey,
    COSEAlgorithmIdentifier.EDDSA: Ed25519PublicKey,
    COSEAlgorithmIdentifier.RSASSA_PKCS1_v1_5_SHA_256: RSAPublicKey,
}
ALGORITHMS = list(KEY_TYPES)
RP_NAME = "Pairing server"
#: WebAuthn Level 3 section 4: a credential id is at most 1023 bytes.
MAX_CREDENTIAL_ID_BYTES = 1023
MIN_RSA_BITS = 2048
#: How much of what a library says of malformed bytes goes to the log; it may quote them.
MAX_COMPLAINT = 200

#: Far more than an authenticator sends without a chain of certificates.
Attestation = Annotated[str, msgspec.Meta(max_length=8192)]
ClientData = Annotated[str, msgspec.Meta(max_length=4096)]
AuthenticatorData = Annotated[str, msgspec.Meta(max_length=2048)]
Signature = Annotated[str, msgspec.Meta(max_length=2048)]
CredentialId = Annotated[
    str,
    msgspec.Meta(pattern="^[A-Za-z0-9_-]+$(?!\n)", max_length=MAX_CREDENTIAL_ID_BYTES * 4 // 3),
]

# What `webauthn` and the decoders under it raise for bytes that are not what they should be.
_MALFORMED = (
    WebAuthnException,
    cbor2.CBORError,
    NoSuchAlgorithm,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    OverflowError,
    RecursionError,
)


class AttestationResponse(msgspec.Struct, rename="camel"):
    """AuthenticatorAttestationResponseJSON."""

    client_data_json: ClientData = msgspec.field(name="clientDataJSON")
    attestation_object: Attestation


class RegistrationResponse(msgspec.Struct, rename="camel"):
    """RegistrationResponseJSON."""

    id: CredentialId
    raw_id: CredentialId
    type: str
    response: AttestationResponse


class AssertionResponse(msgspec.Struct, rename="camel"):
    """AuthenticatorAssertionResponseJSON."""

    client_data_json: ClientData = msgspec.field(name="clientDataJSON")
    authenticator_data: AuthenticatorData
    signature: Signature


class AuthenticationResponse(msgspec.Struct, rename="camel"):
    """AuthenticationResponseJSON."""

    id: CredentialId
    raw_id: CredentialId
    type: str
    response: AssertionResponse


@dataclass(frozen=True, slots=True)
class RelyingParty:
    """Who the keys are made for (WebAuthn Level 3 section 4)."""

    id: str
    origins: Sequence[str]


@dataclass(frozen=True, slots=True)
class VerifiedAssertion:
    """What a verified assertion tells beyond that it verifies."""

    sign_count: int
    backed_up: bool


def creation_options(
    rp: RelyingParty, *, challenge: bytes, user_id: bytes, user_name: str, display_name: str
) -> dict[str, Any]:
    """Return PublicKeyCredentialCreationOptionsJSON for a phone's key (section 5.4).

    Args:
        user_id: Random per pairing: two phones of one account must not overwrite each other's key.
    """
    options = generate_registration_options(
        rp_id=rp.id,
        rp_name=RP_NAME,
        user_id=user_id,
        user_name=user_name,
        user_display_name=display_name,
        challenge=challenge,
        # A chain could not be followed to a root, and would be refused: ask for none.
        attestation=AttestationConveyancePreference.NONE,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED,
            user_verification=UserVerificationRequirement.REQUIRED,
        ),
        supported_pub_key_algs=ALGORITHMS,
    )
    return _json_object(options_to_json(options))


def request_options(rp: RelyingParty, *, challenge: bytes, credential_id: str) -> dict[str, Any]:
    """Return PublicKeyCredentialRequestOptionsJSON for one credential (section 5.5)."""
    options = generate_authentication_options(
        rp_id=rp.id,
        challenge=challenge,
        allow_credentials=[PublicKeyCredentialDescriptor(id=b64url_decode(credential_id))],
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return _json_object(options_to_json(options))


def verify_registration(
    rp: RelyingParty, response: RegistrationResponse, challenge: bytes
) -> NewKey:
    """Verify a new key (section 7.1), UP and UV required.

    Raises:
        AttestationNotAccepted: the attestation is neither none nor of the key itself.
        InvalidCredential: anything else does not verify.
    """
    body = _dump(response)
    try:
        _refuse_cross_origin(response.response.client_data_json)
        attestation = b64url_decode(response.response.attestation_object)
        _check_attestation_object(attestation)
        attested = parse_attestation_object(attestation)
        if not _is_accepted(attested):
            raise AttestationNotAccepted(None, repr(attested.fmt)[:MAX_COMPLAINT])
        verified = verify_registration_response(
            credential=body,
            expected_challenge=challenge,
            expected_rp_id=rp.id,
            expected_origin=list(rp.origins),
            require_user_presence=True,
            require_user_verification=True,
            supported_pub_key_algs=ALGORITHMS,
        )
        _check_public_key(verified.credential_public_key)
    except _MALFORMED as error:
        raise InvalidCredential(None, _complaint(error)) from error
    if len(verified.credential_id) > MAX_CREDENTIAL_ID_BYTES:
        raise InvalidCredential(None, "credential id too long")
    return NewKey(
        credential_id=b64url(verified.credential_id),
        public_key=verified.credential_public_key,
        sign_count=verified.sign_count,
        aaguid=verified.aaguid,
        attestation_format=AttestationFormat(verified.fmt).value,
        attestation_verdict=AttestationVerdict.UNKNOWN,
        backup_eligible=_is_backup_eligible(verified),
        backed_up=verified.credential_backed_up,
    )


def verify_assertion(  # noqa: PLR0913 - what section 7.2 compares.
    rp: RelyingParty,
    response: AuthenticationResponse,
    *,
    challenge: bytes,
    credential_id: str,
    public_key: bytes,
    sign_count: int,
    backup_eligible: bool | None = None,
) -> VerifiedAssertion:
    """Verify an assertion by exactly this credential (section 7.2), UP and UV required.

    Args:
        backup_eligible: What the key said of itself when it was registered; `None` for what is
            not to be compared.

    Raises:
        InvalidAssertion: it is by another credential, over another challenge, or does not verify.
        SignCountRegressed: it verifies, and the count did not grow.
    """
    if response.id != credential_id:
        raise InvalidAssertion(None, "another credential")
    body = _dump(response)
    try:
        _refuse_cross_origin(response.response.client_data_json)
        ctap_cbor.check_authenticator_data(b64url_decode(response.response.authenticator_data))
        verified = verify_authentication_response(
            credential=body,
            expected_challenge=challenge,
            expected_rp_id=rp.id,
            expected_origin=list(rp.origins),
            credential_public_key=public_key,
            # The count is compared below: the library would do so before the signature, and a
            # forger could then learn the stored count.
            credential_current_sign_count=0,
            require_user_verification=True,
        )
    except _MALFORMED as error:
        raise InvalidAssertion(None, _complaint(error)) from error
    # Step 19: a key is made for one device or for many, and does not change its nature.
    if backup_eligible not in (None, _is_backup_eligible(verified)):
        raise InvalidAssertion(None, "backup eligibility changed")
    # Step 22.  Zero on both sides is an authenticator that does not count, as synced passkeys.
    if (verified.new_sign_count or sign_count) and verified.new_sign_count <= sign_count:
        raise SignCountRegressed(None, "sign count did not grow")
    return VerifiedAssertion(verified.new_sign_count, verified.credential_backed_up)


def _is_backup_eligible(verified: VerifiedRegistration | VerifiedAuthentication) -> bool:
    return verified.credential_device_type is CredentialDeviceType.MULTI_DEVICE


def evidence_of(assertion: AuthenticationResponse) -> dict[str, str]:
    """Return what is kept of an assertion, for it to be verified again."""
    response = assertion.response
    return {
        "clientDataJSON": response.client_data_json,
        "authenticatorData": response.authenticator_data,
        "signature": response.signature,
    }


def _refuse_cross_origin(client_data_json: str) -> None:
    # Section 7.2 steps 13 and 14: we are never framed, so no honest client sets these.
    client_data = json.loads(b64url_decode(client_data_json))
    if client_data.get("crossOrigin", False) is not False:
        raise ValueError("crossOrigin")
    if "topOrigin" in client_data:
        raise ValueError("topOrigin")


def _check_attestation_object(data: bytes) -> None:
    # Twice, for the authenticator data are CBOR within a byte string of CBOR.
    ctap_cbor.check(data)
    ctap_cbor.check_authenticator_data(cbor2.loads(data)["authData"])


def _is_accepted(attested: AttestationObject) -> bool:
    # `webauthn` lets a certificate chain pass where it is given no roots.  Until roots are
    # configured, only self attestation and none are taken, for the little that they show; and
    # what parses certificates and TPM structures is never reached by a stranger's bytes.
    return attested.fmt == AttestationFormat.NONE or (
        attested.fmt == AttestationFormat.PACKED and attested.att_stmt.x5c is None
    )


def _check_public_key(cose: bytes) -> None:
    # Nothing else reads the key here when there is no attestation: one that is on no curve would
    # be bound, and then never answer.
    decoded = decode_credential_public_key(cose)
    key = decoded_public_key_to_cryptography(decoded)
    if not isinstance(key, KEY_TYPES[decoded.alg]):
        raise TypeError("a key of another algorithm")
    if isinstance(key, EllipticCurvePublicKey) and key.curve.name != SECP256R1.name:
        raise ValueError("ES256 is on P-256 (section 5.8.5)")
    if isinstance(key, RSAPublicKey) and key.key_size < MIN_RSA_BITS:
        raise ValueError("RSA key too short")


def _complaint(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:MAX_COMPLAINT]


def _dump(response: RegistrationResponse | AuthenticationResponse) -> dict[str, Any]:
    body: dict[str, Any] = msgspec.to_builtins(response)
    return body


def _json_object(text: str) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(text)
    return body
