"""What a phone answers, in the JSON forms of WebAuthn Level 3 section 5.1."""

from typing import Annotated

import msgspec

#: WebAuthn Level 3 section 4: a credential id is at most 1023 bytes.
MAX_CREDENTIAL_ID_BYTES = 1023

#: Six certificates of the largest size, in base64url; real chains have a quarter of it.
Attestation = Annotated[str, msgspec.Meta(max_length=43_692)]
ClientData = Annotated[str, msgspec.Meta(max_length=4096)]
AuthenticatorData = Annotated[str, msgspec.Meta(max_length=2048)]
Signature = Annotated[str, msgspec.Meta(max_length=2048)]
CredentialId = Annotated[
    str,
    msgspec.Meta(pattern="^[A-Za-z0-9_-]+$(?!\n)", max_length=MAX_CREDENTIAL_ID_BYTES * 4 // 3),
]


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
