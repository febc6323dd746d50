"""A verdict is of the statement's own format, and what was called back counts no more."""

from itertools import permutations

import pytest

from pairing_server.keys.attestation.judge import judge
from pairing_server.keys.attestation.roots import CHAINED, AttestationRoots
from pairing_server.keys.attestation.statement import Subject
from pairing_server.keys.credential import AttestationVerdict
from pairing_server.keys.refusals import AttestationNotAccepted, InvalidCredential
from tests.keys.makers import Making, trusting
from tests.keys.statements import STATEMENTS


def subject(making):
    return Subject(
        authenticator_data=making.authenticator_data,
        client_data_hash=making.client_data_hash,
        aaguid=making.aaguid,
        public_key=making.key.public_key(),
    )


PAIRS = list(permutations(CHAINED, 2))


@pytest.mark.parametrize("kind", CHAINED)
def test_a_root_is_believed_for_its_format(kind, maker):
    making = Making()
    roots = AttestationRoots({kind: [maker.certificate]})
    judged = judge(kind, STATEMENTS[kind](making, maker), subject(making), roots)
    assert judged.verdict is AttestationVerdict.HARDWARE
    assert judged.chain.root == maker.certificate


@pytest.mark.parametrize(("kind", "other"), PAIRS)
def test_a_root_is_not_believed_for_another_format(kind, other, maker):
    making = Making()
    roots = AttestationRoots({other: [maker.certificate]})
    with pytest.raises(AttestationNotAccepted):
        judge(kind, STATEMENTS[kind](making, maker), subject(making), roots)


@pytest.mark.parametrize(("kind", "other"), PAIRS)
def test_a_statement_of_one_format_is_none_of_another(kind, other, maker):
    making = Making()
    roots = AttestationRoots(dict.fromkeys(CHAINED, (maker.certificate,)))
    with pytest.raises(ValueError, match=r"."):
        judge(kind, STATEMENTS[other](making, maker), subject(making), roots)


@pytest.mark.parametrize("kind", CHAINED)
def test_an_authority_that_was_called_back_attests_nothing(registered, maker, kind):
    middle = maker.below()
    chain, serial = [middle.certificate], middle.certificate.serial_number
    others = trusting(maker, called_back=[serial + 1])
    assert registered(kind, issuer=middle, chain=chain, rp=others)
    with pytest.raises(AttestationNotAccepted, match="called back"):
        registered(kind, issuer=middle, chain=chain, rp=trusting(maker, called_back=[serial]))


def test_a_phone_that_was_called_back_attests_nothing(registered, maker):
    rp = trusting(maker, called_back=[0x5EED])
    assert registered("android-key", rp=rp, serial=0x5EEE)
    with pytest.raises(AttestationNotAccepted, match="called back"):
        registered("android-key", rp=rp, serial=0x5EED)


def test_what_does_not_verify_tells_nothing_of_what_was_called_back(registered, maker):
    middle = maker.below()
    rp = trusting(maker, called_back=[middle.certificate.serial_number])
    with pytest.raises(InvalidCredential, match="signature"):
        registered("packed", issuer=middle, chain=[middle.certificate], rp=rp, signed=b"else")
