"""The WebAuthn ceremonies, and the only importer of `webauthn`.

Options go out and responses come in as the JSON forms of WebAuthn Level 3 section 5.1; this module
keeps nothing between the two halves.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast
from uuid import UUID

import cbor2
import msgspec
from cryptography.exceptions import UnsupportedAlgorithm as NoSuchAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding
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
    validate_certificate_chain,
)
from webauthn.helpers.cose import COSEAlgorithmIdentifier
from webauthn.helpers.exceptions import InvalidCertificateChain, WebAuthnException
from webauthn.helpers.structs import (
    AttestationConveyancePreference,
    AttestationFormat,
    AuthenticatorSelectionCriteria,
    CredentialDeviceType,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)
from webauthn.registration.verify_registration_response import VerifiedRegistration

from pairing_server.keys import ctap_cbor
from pairing_server.keys.attestation.chain import PublicKey, is_quick
from pairing_server.keys.attestation.judge import Judgement, judge
from pairing_server.keys.attestation.roots import (
    ANDROID_KEY,
    CHAINED,
    PACKED,
    AttestationRoots,
    no_roots,
)
from pairing_server.keys.attestation.statement import Subject
from pairing_server.keys.client_data import refuse_framed
from pairing_server.keys.credential import AttestationVerdict, NewKey
from pairing_server.keys.refusals import (
    AttestationNotAccepted,
    InvalidAssertion,
    InvalidCredential,
    SignCountRegressed,
)
from pairing_server.keys.responses import (
    MAX_CREDENTIAL_ID_BYTES,
    AssertionResponse,
    AuthenticationResponse,
    RegistrationResponse,
)
from pairing_server.tokens import b64url, b64url_decode

__all__ = [
    "ALGORITHMS",
    "AssertionResponse",
    "AuthenticationResponse",
    "RegistrationResponse",
    "RelyingParty",
    "VerifiedAssertion",
    "creation_options",
    "evidence_of",
    "request_options",
    "verify_assertion",
    "verify_registration",
]

KEY_TYPES = {
    COSEAlgorithmIdentifier.ECDSA_SHA_256: EllipticCurvePublicKey,
    COSEAlgorithmIdentifier.EDDSA: Ed25519PublicKey,
    COSEAlgorithmIdentifier.RSASSA_PKCS1_v1_5_SHA_256: RSAPublicKey,
}
ALGORITHMS = list(KEY_TYPES)
RP_NAME = "Pairing server"
#: How much of what a library says of malformed bytes goes to the log; it may quote them.
MAX_COMPLAINT = 200

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


@dataclass(frozen=True, slots=True)
class RelyingParty:
    """Who the keys are made for (WebAuthn Level 3 section 4).

    Attributes:
        roots: Returns whom it believes about keys, as of now.
    """

    id: str
    origins: Sequence[str]
    roots: Callable[[], AttestationRoots] = no_roots


@dataclass(frozen=True, slots=True)
class VerifiedAssertion:
    """What a verified assertion tells beyond that it verifies."""

    sign_count: int
    backed_up: bool


def creation_options(
    rp: RelyingParty,
    *,
    challenge: bytes,
    user_id: bytes,
    user_name: str,
    display_name: str,
    attested: bool = False,
) -> dict[str, Any]:
    """Return PublicKeyCredentialCreationOptionsJSON for a phone's key (section 5.4).

    Args:
        user_id: Random per pairing: two phones of one account must not overwrite each other's key.
        attested: Whether to ask for the maker's attestation.  What then comes must lead to a
            root; what nobody asked for, browsers leave out.
    """
    conveyance = AttestationConveyancePreference

    options = generate_registration_options(
        rp_id=rp.id,
        rp_name=RP_NAME,
        user_id=user_id,
        user_name=user_name,
        user_display_name=display_name,
        challenge=challenge,
        attestation=conveyance.DIRECT if attested else conveyance.NONE,
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

    Computes for some milliseconds where there is a chain: call it in a thread.

    Raises:
        AttestationNotAccepted: the attestation is of another format, or leads to no root.
        InvalidCredential: anything else does not verify.
    """
    body = _dump(response)
    try:
        refuse_framed(b64url_decode(response.response.client_data_json))
        attested = ctap_cbor.attestation_object(
            b64url_decode(response.response.attestation_object)
        )
        name, statement = _statement(attested)
        if not _has_chain(name, statement):
            verified = _verify_response(rp, body, challenge, attested)
            verdict = AttestationVerdict.UNKNOWN
        else:
            # All but the statement comes first: it costs a stranger's certificates nothing.
            bare = {**attested, "fmt": AttestationFormat.NONE.value, "attStmt": {}}
            verified = _verify_response(rp, body, challenge, bare)
            judged = judge(name, statement, _subject(verified, attested, response), rp.roots())
            _ask_webauthn(rp, body, challenge, attested, judged)
            verdict = judged.verdict
    except _MALFORMED as error:
        raise InvalidCredential(None, _complaint(error)) from error
    if len(verified.credential_id) > MAX_CREDENTIAL_ID_BYTES:
        raise InvalidCredential(None, "credential id too long")
    return NewKey(
        credential_id=b64url(verified.credential_id),
        public_key=verified.credential_public_key,
        sign_count=verified.sign_count,
        aaguid=verified.aaguid,
        attestation_format=name,
        attestation_verdict=verdict,
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
        refuse_framed(b64url_decode(response.response.client_data_json))
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
        raise SignCountRegressed(sign_count - verified.new_sign_count)
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


def _statement(attested: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    name, statement = attested["fmt"], attested["attStmt"]
    if name not in (AttestationFormat.NONE, *CHAINED):
        raise AttestationNotAccepted(None, repr(name)[:MAX_COMPLAINT])
    if not isinstance(statement, dict):
        raise TypeError("attestation statement")
    if name == AttestationFormat.NONE and statement:
        raise ValueError("attestation statement where there is none")
    return name, statement


def _has_chain(name: str, statement: Mapping[str, Any]) -> bool:
    # In the packed format a key may attest itself, for the little that this shows.
    return name in CHAINED and (name != PACKED or "x5c" in statement)


def _verify_response(
    rp: RelyingParty,
    body: dict[str, Any],
    challenge: bytes,
    attested: Mapping[str, Any],
    roots: Mapping[AttestationFormat, list[bytes]] | None = None,
) -> VerifiedRegistration:
    """Have `webauthn` verify a response with this attestation object."""
    encoded = b64url(cbor2.dumps(attested))
    verified = verify_registration_response(
        credential={**body, "response": {**body["response"], "attestationObject": encoded}},
        expected_challenge=challenge,
        expected_rp_id=rp.id,
        expected_origin=list(rp.origins),
        require_user_presence=True,
        require_user_verification=True,
        supported_pub_key_algs=ALGORITHMS,
        pem_root_certs_bytes_by_fmt=roots,
    )
    _public_key(verified.credential_public_key)
    return verified


def _subject(
    verified: VerifiedRegistration, attested: Mapping[str, Any], response: RegistrationResponse
) -> Subject:
    client_data = b64url_decode(response.response.client_data_json)
    return Subject(
        authenticator_data=attested["authData"],
        client_data_hash=hashlib.sha256(client_data).digest(),
        aaguid=UUID(verified.aaguid).bytes,
        public_key=_public_key(verified.credential_public_key),
    )


def _ask_webauthn(
    rp: RelyingParty,
    body: dict[str, Any],
    challenge: bytes,
    attested: Mapping[str, Any],
    judged: Judgement,
) -> None:
    """Have a second verifier, which shares no line with ours, accept chain and statement.

    It is given the one root that ours found: without roots it lets chains pass, and it has some
    of its own besides, to which this chain does not lead.
    """
    name, chain = attested["fmt"], judged.chain
    presented = [one.public_bytes(Encoding.DER) for one in chain.certificates]
    root = chain.root.public_bytes(Encoding.PEM)
    try:
        validate_certificate_chain(x5c=presented, pem_root_certs_bytes=[root])
    except InvalidCertificateChain as error:
        raise AttestationNotAccepted(None, _complaint(error.__cause__ or error)) from error
    if name == ANDROID_KEY:
        # Of its statement it knows the fields of some versions, and refuses phones that say more.
        return
    completed = {**attested, "attStmt": {**attested["attStmt"], "x5c": presented}}
    try:
        _verify_response(rp, body, challenge, completed, {AttestationFormat(name): [root]})
    except Exception as error:  # Its decoders' exceptions are written nowhere.
        raise InvalidCredential(None, _complaint(error)) from error


def _public_key(cose: bytes) -> PublicKey:
    # Nothing else reads the key here when there is no attestation: one that is on no curve would
    # be bound, and then never answer.
    decoded = decode_credential_public_key(cose)
    key = decoded_public_key_to_cryptography(decoded)
    if not isinstance(key, KEY_TYPES[decoded.alg]):
        raise TypeError("a key of another algorithm")
    if isinstance(key, EllipticCurvePublicKey) and key.curve.name != SECP256R1.name:
        raise ValueError("ES256 is on P-256 (section 5.8.5)")
    # Whoever is to check it does so at each approval.
    if isinstance(key, RSAPublicKey) and not is_quick(key):
        raise ValueError("RSA key too short, too long or too slow")
    return cast("PublicKey", key)


def _complaint(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"[:MAX_COMPLAINT]


def _dump(response: RegistrationResponse | AuthenticationResponse) -> dict[str, Any]:
    body: dict[str, Any] = msgspec.to_builtins(response)
    return body


def _json_object(text: str) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(text)
    return body
