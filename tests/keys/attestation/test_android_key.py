"""The statement of Android's key store is believed, and each thing wrong refuses it."""

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from pairing_server.keys.credential import AttestationVerdict
from pairing_server.keys.refusals import InvalidCredential
from tests.keys.makers import AUTHENTICATOR, Authority, Making, authority
from tests.keys.statements import (
    ANDROID_OID,
    HARDWARE_MADE,
    SOFTWARE,
    STRONG_BOX,
    TRUSTED_ENVIRONMENT,
    key_description,
    other,
)

MADE = {"purposes": [2], "origin": 0}
ONE_THING_WRONG = {
    "another challenge": ({"challenge": b"c" * 32}, "challenge"),
    "a longer challenge": ({"challenge": b"c" * 128}, "challenge"),
    "for all applications, says the hardware": (
        {"hardware": HARDWARE_MADE | {"all_applications": True}},
        "all applications",
    ),
    "for all applications, says the software": (
        {"software": {"all_applications": True}},
        "all applications",
    ),
    "brought from outside": ({"hardware": HARDWARE_MADE | {"origin": 2}}, "origin"),
    "of unknown origin": ({"hardware": HARDWARE_MADE | {"origin": None}}, "origin"),
    "whose origin the software alone knows": (
        {"hardware": HARDWARE_MADE | {"origin": None}, "software": {"origin": 0}},
        "origin",
    ),
    "for verifying": ({"hardware": HARDWARE_MADE | {"purposes": [3]}}, "purpose"),
    "for signing and decrypting": ({"hardware": HARDWARE_MADE | {"purposes": [2, 1]}}, "purpose"),
    "for attesting others": ({"hardware": HARDWARE_MADE | {"purposes": [2, 7]}}, "purpose"),
    "for nothing": ({"hardware": HARDWARE_MADE | {"purposes": []}}, "purpose"),
    "whose purpose nobody says": ({"hardware": HARDWARE_MADE | {"purposes": None}}, "purpose"),
    "whose purpose the software alone knows": (
        {"hardware": HARDWARE_MADE | {"purposes": None}, "software": {"purposes": [2]}},
        "purpose",
    ),
    "without a description": ({"extensions": []}, "key description"),
    "that signed something else": ({"signed": b"something else"}, "attestation signature"),
    "by another algorithm": ({"alg": -257}, "algorithm"),
}


@pytest.mark.parametrize("level", [TRUSTED_ENVIRONMENT, STRONG_BOX])
def test_a_key_of_the_trusted_environment_earns_hardware(registered, level):
    made = registered("android-key", levels=(level, level))
    assert made.attestation_format == "android-key"
    assert made.attestation_verdict is AttestationVerdict.HARDWARE


@pytest.mark.parametrize(
    "levels",
    [(SOFTWARE, SOFTWARE), (SOFTWARE, TRUSTED_ENVIRONMENT), (TRUSTED_ENVIRONMENT, SOFTWARE)],
)
def test_a_key_is_worth_the_lower_of_its_levels(registered, levels):
    made = registered("android-key", levels=levels)
    assert made.attestation_verdict is AttestationVerdict.SOFTWARE


def test_of_a_key_in_software_the_software_speaks(registered):
    made = registered("android-key", levels=(SOFTWARE, SOFTWARE), hardware={}, software=MADE)
    assert made.attestation_verdict is AttestationVerdict.SOFTWARE


IN_SOFTWARE_WRONG = {
    "brought from outside": ({}, {"purposes": [2], "origin": 2}, "origin"),
    "of unknown origin": ({}, {"purposes": [2]}, "origin"),
    "of two origins": ({"origin": 0}, {"purposes": [2], "origin": 1}, "origin"),
    "for verifying": ({}, {"purposes": [3], "origin": 0}, "purpose"),
    "for verifying, says the hardware": ({"purposes": [3]}, MADE, "purpose"),
}


@pytest.mark.parametrize(
    ("hardware", "software", "complaint"), IN_SOFTWARE_WRONG.values(), ids=IN_SOFTWARE_WRONG
)
def test_of_a_key_in_software_both_lists_count(registered, hardware, software, complaint):
    with pytest.raises(InvalidCredential, match=complaint):
        registered("android-key", levels=(0, 0), hardware=hardware, software=software)


@pytest.mark.parametrize("locked", [False, None])
def test_the_hardware_of_an_unlocked_device_says_little(registered, locked):
    made = registered("android-key", hardware=HARDWARE_MADE | {"locked": locked})
    assert made.attestation_verdict is AttestationVerdict.UNKNOWN


def test_that_the_software_says_the_device_is_locked_does_not_count(registered):
    made = registered("android-key", hardware=MADE, software={"locked": True})
    assert made.attestation_verdict is AttestationVerdict.UNKNOWN


@pytest.mark.parametrize(("wrong", "complaint"), ONE_THING_WRONG.values(), ids=ONE_THING_WRONG)
def test_one_thing_wrong_refuses_a_key(registered, wrong, complaint):
    with pytest.raises(InvalidCredential, match=complaint):
        registered("android-key", **wrong)


def test_the_certificate_of_another_key_is_refused(registered):
    another = ec.generate_private_key(ec.SECP256R1())
    with pytest.raises(InvalidCredential, match="attestation signature"):
        registered("android-key", key=another)
    with pytest.raises(InvalidCredential, match="another key"):
        registered("android-key", key=another, signer=another)


def test_what_an_attested_key_signs_itself_is_not_believed(registered, maker):
    """A phone's owner makes a key that may attest, and has it describe one that is not there."""
    attested = ec.generate_private_key(ec.SECP256R1())
    own = other(ANDROID_OID, key_description(Making()))
    certificate = maker.issue(AUTHENTICATOR, attested, [*authority(), own])
    owner = Authority(attested, certificate)
    with pytest.raises(InvalidCredential, match="below an attested key"):
        registered("android-key", issuer=owner, chain=[certificate])
