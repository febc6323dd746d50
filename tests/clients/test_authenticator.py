"""The authenticator's bytes, as an independent verifier sees them; each twist breaks one check."""

import json
import secrets

import cbor2
import pytest
from webauthn import (
    base64url_to_bytes,
    generate_registration_options,
    options_to_json,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers.cose import COSEAlgorithmIdentifier
from webauthn.helpers.exceptions import (
    InvalidAuthenticationResponse,
    InvalidRegistrationResponse,
    WebAuthnException,
)
from webauthn.helpers.structs import CredentialDeviceType

from clients.authenticator import Attestation, Authenticator, Unable
from clients.client_data import HONEST, Flags, Twist

RP_ID, ORIGIN = "localhost", "http://localhost:8000"
CHALLENGE = bytes(range(32))


def options(**changed):
    made = generate_registration_options(
        rp_id=RP_ID, rp_name="Test", user_name="a", challenge=CHALLENGE
    )
    return json.loads(options_to_json(made)) | changed


def register(authenticator, twist=HONEST, **expected):
    return verify_registration_response(
        credential=authenticator.create(options(), ORIGIN, twist),
        expected_challenge=CHALLENGE,
        expected_rp_id=RP_ID,
        expected_origin=ORIGIN,
        require_user_verification=True,
        **expected,
    )


def authenticate(twist=HONEST, sign_count=0):
    authenticator = Authenticator()
    registered = register(authenticator)
    return verify_authentication_response(
        credential=authenticator.get(CHALLENGE, RP_ID, ORIGIN, twist),
        expected_challenge=CHALLENGE,
        expected_rp_id=RP_ID,
        expected_origin=ORIGIN,
        credential_public_key=registered.credential_public_key,
        credential_current_sign_count=sign_count,
        require_user_verification=True,
    )


@pytest.mark.parametrize("attestation", Attestation)
def test_a_registration_verifies(attestation):
    aaguid = bytes(range(16))
    verified = register(Authenticator(attestation=attestation, aaguid=aaguid))
    assert verified.fmt == attestation
    assert verified.aaguid.replace("-", "") == aaguid.hex()
    assert verified.user_verified
    assert verified.sign_count == 0


def test_an_assertion_verifies_and_counts():
    assert authenticate().new_sign_count == 1


def test_a_synced_key_says_so():
    synced = register(Authenticator(backup=Flags.BE | Flags.BS))
    assert synced.credential_device_type is CredentialDeviceType.MULTI_DEVICE
    assert synced.credential_backed_up


BROKEN = {
    "challenge": (Twist(challenge=b"another" * 4), "challenge"),
    "origin": (Twist(origin="https://evil.example"), "origin"),
    "rp_id": (Twist(rp_id="evil.example"), "RP ID"),
    "type": (Twist(type="payment.get"), "type"),
    "up": (Twist(clear_flags=Flags.UP), "not present"),
    "uv": (Twist(clear_flags=Flags.UV), "verif"),
    "bs without be": (Twist(set_flags=Flags.BS), "back"),
}


@pytest.mark.parametrize(("twist", "complaint"), BROKEN.values(), ids=BROKEN)
def test_one_twist_breaks_one_check_of_a_registration(twist, complaint):
    with pytest.raises(WebAuthnException, match=complaint):
        register(Authenticator(), twist)


@pytest.mark.parametrize(("twist", "complaint"), BROKEN.values(), ids=BROKEN)
def test_one_twist_breaks_one_check_of_an_assertion(twist, complaint):
    with pytest.raises(WebAuthnException, match=complaint):
        authenticate(twist)


def test_a_spoilt_signature_does_not_verify():
    with pytest.raises(InvalidAuthenticationResponse, match="signature"):
        authenticate(Twist(spoil_signature=True))


def test_a_spoilt_self_attestation_does_not_verify():
    authenticator = Authenticator(attestation=Attestation.PACKED)
    with pytest.raises(InvalidRegistrationResponse, match="signature"):
        register(authenticator, Twist(spoil_signature=True))


def test_a_counter_that_stands_still_is_seen():
    with pytest.raises(InvalidAuthenticationResponse, match="sign count"):
        authenticate(Twist(sign_count=7), sign_count=7)


def test_another_algorithm_is_seen():
    with pytest.raises(InvalidRegistrationResponse, match=r"[Uu]nsupported"):
        register(
            Authenticator(),
            Twist(algorithm=-257),
            supported_pub_key_algs=[COSEAlgorithmIdentifier.ECDSA_SHA_256],
        )


def test_a_crossed_origin_stands_in_the_client_data():
    authenticator = Authenticator()
    register(authenticator)
    made = authenticator.get(CHALLENGE, RP_ID, ORIGIN, Twist(cross_origin=True))
    said = json.loads(base64url_to_bytes(made["response"]["clientDataJSON"]))
    assert said["crossOrigin"] is True


def test_a_stored_authenticator_signs_on():
    authenticator = Authenticator(backup=Flags.BE)
    verified = register(authenticator)
    stored = Authenticator.from_json(json.loads(json.dumps(authenticator.to_json())))
    again = verify_authentication_response(
        credential=stored.get(CHALLENGE, RP_ID, ORIGIN),
        expected_challenge=CHALLENGE,
        expected_rp_id=RP_ID,
        expected_origin=ORIGIN,
        credential_public_key=verified.credential_public_key,
        credential_current_sign_count=0,
    )
    assert again.new_sign_count == 1
    assert again.credential_device_type is CredentialDeviceType.MULTI_DEVICE


def test_an_excluded_account_gets_no_second_key():
    authenticator = Authenticator()
    made = authenticator.create(options(), ORIGIN)
    with pytest.raises(Unable):
        authenticator.create(options(excludeCredentials=[{"id": made["id"]}]), ORIGIN)


def test_no_key_without_es256():
    with pytest.raises(Unable):
        Authenticator().create(options(pubKeyCredParams=[{"alg": -257}]), ORIGIN)


def test_no_assertion_without_a_key():
    with pytest.raises(Unable):
        Authenticator().get(CHALLENGE, RP_ID, ORIGIN)


def test_the_attestation_object_is_canonical_cbor():
    made = Authenticator().create(options(), ORIGIN)
    raw = base64url_to_bytes(made["response"]["attestationObject"])
    assert list(cbor2.loads(raw)) == ["fmt", "attStmt", "authData"]
    assert cbor2.dumps(cbor2.loads(raw), canonical=True) == raw


def test_no_identifier_begins_as_an_option_does(monkeypatch):
    """Else a phone could not be named in a command by how its identifier begins."""
    draws = iter([b"\xf8" * 32, b"\xfb" * 32, b"\x07" * 32])
    monkeypatch.setattr(secrets, "token_bytes", lambda _length: next(draws))

    made = Authenticator().create(options(), ORIGIN, HONEST)

    assert made["id"].startswith("Bwc")
