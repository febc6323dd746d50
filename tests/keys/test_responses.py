"""What a phone sends has the form of WebAuthn's JSON, and a size that real phones need."""

import msgspec
import pytest

from pairing_server.keys.responses import (
    AssertionResponse,
    AttestationResponse,
    AuthenticationResponse,
    RegistrationResponse,
)

INNER = {"clientDataJSON": "", "attestationObject": "", "authenticatorData": "", "signature": ""}
LIMITS = [
    (AttestationResponse, "clientDataJSON", 4096),
    (AttestationResponse, "attestationObject", 43_692),
    (AssertionResponse, "clientDataJSON", 4096),
    (AssertionResponse, "authenticatorData", 2048),
    (AssertionResponse, "signature", 2048),
]


@pytest.mark.parametrize(("shape", "name", "limit"), LIMITS)
def test_no_member_is_longer_than_phones_need(shape, name, limit):
    assert msgspec.convert(INNER | {name: "A" * limit}, shape)
    with pytest.raises(msgspec.ValidationError, match="length"):
        msgspec.convert(INNER | {name: "A" * (limit + 1)}, shape)


@pytest.mark.parametrize("shape", [RegistrationResponse, AuthenticationResponse])
def test_unknown_members_are_passed_over(shape):
    body = {"id": "A", "rawId": "A", "type": "public-key", "response": INNER | {"transports": []}}
    assert msgspec.convert(body | {"clientExtensionResults": {}}, shape).id == "A"
