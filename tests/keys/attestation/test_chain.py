"""A chain leads to a root by names, signatures and rights, and is bounded before it is read."""

from datetime import UTC, datetime

import asn1crypto.x509
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from pairing_server.keys.attestation.chain import (
    MAX_CERTIFICATE_BYTES,
    MAX_CERTIFICATES,
    extension,
    follow,
    is_quick,
)
from pairing_server.keys.refusals import AttestationNotAccepted, InvalidCredential
from tests.keys.makers import (
    AUTHENTICATOR,
    FROM,
    NO_AUTHORITY,
    UNTIL,
    Authority,
    authority,
    ders,
    issue,
    trusting,
)

FORMATS = ["packed", "android-key", "apple", "tpm"]
LONG_AGO = datetime(2020, 2, 1, tzinfo=UTC)
LEAF_KEY = ec.generate_private_key(ec.SECP256R1())


def leaf(issuer, **wrong):
    return issuer.issue(AUTHENTICATOR, LEAF_KEY, **wrong)


def followed(*certificates, roots):
    return follow(ders(*certificates), [root.certificate for root in roots])


@pytest.fixture
def middle(maker):
    return maker.below()


@pytest.mark.parametrize("kind", FORMATS)
def test_a_chain_to_no_root_is_refused(registered, kind, maker):
    stranger = Authority.root()
    with pytest.raises(AttestationNotAccepted, match="no root"):
        registered(kind, issuer=stranger)
    with pytest.raises(AttestationNotAccepted, match="no root"):
        registered(kind, issuer=stranger, chain=[stranger.certificate])
    # The right root stands there, but has signed nothing.
    with pytest.raises(AttestationNotAccepted, match="no root"):
        registered(kind, issuer=stranger, chain=[maker.certificate])


@pytest.mark.parametrize("kind", FORMATS)
def test_without_roots_every_chain_is_refused(registered, kind):
    with pytest.raises(AttestationNotAccepted, match="no root"):
        registered(kind, rp=trusting())


@pytest.mark.parametrize("kind", FORMATS)
def test_the_root_may_stand_at_the_end_or_not(registered, kind, maker, middle):
    assert registered(kind, chain=[maker.certificate])
    assert registered(kind, issuer=middle, chain=[middle.certificate])
    assert registered(kind, issuer=middle, chain=[middle.certificate, maker.certificate])


def renewed(root, **changed):
    called = {one.oid: str(one.value) for one in root.certificate.subject}
    return issue(called, root.key, called, root.key, authority(path_length=0), **changed)


@pytest.mark.parametrize("kind", FORMATS)
def test_a_renewed_root_ends_the_chains_of_the_old_one(registered, kind, maker):
    """Phones go on sending the certificate that expired; the key below it is the same."""
    old = renewed(maker, valid=(FROM, LONG_AGO))
    assert registered(kind, chain=[old])
    with pytest.raises(AttestationNotAccepted, match="expired"):
        registered(kind, chain=[old], rp=trusting(old))


def test_a_root_is_not_below_itself(maker):
    root = Authority(maker.key, renewed(maker))
    certificate = leaf(root)
    for presented in (root.certificate, renewed(maker)):
        assert followed(certificate, presented, roots=[root]).certificates == (certificate,)


def test_another_key_under_the_name_of_a_root_is_refused(maker):
    impostor = Authority.root()
    with pytest.raises(AttestationNotAccepted, match="no root"):
        followed(leaf(impostor), impostor.certificate, roots=[maker])


@pytest.mark.parametrize("kind", FORMATS)
def test_what_is_out_of_its_time_is_refused(registered, kind, maker):
    expired = maker.below(valid=(FROM, LONG_AGO))
    coming = maker.below(valid=(datetime(2098, 1, 1, tzinfo=UTC), UNTIL))
    with pytest.raises(AttestationNotAccepted, match="expired"):
        registered(kind, issuer=expired, chain=[expired.certificate])
    with pytest.raises(AttestationNotAccepted, match="not yet valid"):
        registered(kind, issuer=coming, chain=[coming.certificate])


BREAKS = {
    "no constraints": [],
    "no authority": authority(ca=False),
    "no right to sign": authority(may_sign=False),
}


@pytest.mark.parametrize("extensions", BREAKS.values(), ids=BREAKS)
def test_only_an_authority_issues(maker, extensions):
    middle = maker.below(extensions=extensions)
    with pytest.raises(ValueError, match="authority"):
        followed(leaf(middle), middle.certificate, roots=[maker])


@pytest.mark.parametrize("extensions", BREAKS.values(), ids=BREAKS)
def test_a_root_is_an_authority_too(extensions):
    key = ec.generate_private_key(ec.SECP256R1())
    root = Authority(key, issue(AUTHENTICATOR, key, AUTHENTICATOR, key, extensions))
    with pytest.raises(ValueError, match="authority"):
        followed(leaf(root), roots=[root])


def test_an_authority_may_allow_none_below_it(maker):
    last = maker.below(extensions=authority(path_length=0))
    assert followed(leaf(last), last.certificate, roots=[maker])
    further = last.below("Further")
    with pytest.raises(ValueError, match="allows none"):
        followed(leaf(further), further.certificate, last.certificate, roots=[maker])


def test_certificates_stand_in_order(maker, middle):
    further = middle.below("Further")
    right = (leaf(further), further.certificate, middle.certificate)
    assert followed(*right, roots=[maker]).certificates == right
    with pytest.raises(ValueError, match="sign one another"):
        followed(right[0], right[2], right[1], roots=[maker])
    with pytest.raises(ValueError, match="sign one another"):
        followed(right[0], right[2], roots=[maker])


def test_a_certificate_that_another_key_of_that_name_signed_is_refused(maker):
    one, two = maker.below(), maker.below()
    with pytest.raises(ValueError, match="sign one another"):
        followed(leaf(one), two.certificate, roots=[maker])


def test_a_root_is_nobodys_attestation_certificate(registered, maker):
    with pytest.raises(InvalidCredential, match="authority"):
        registered("packed", key=maker.key, x5c=ders(maker.certificate))


def test_a_hash_that_collides_signs_nothing(maker, monkeypatch):
    certificate = leaf(maker)
    assert followed(certificate, roots=[maker])
    monkeypatch.setattr("pairing_server.keys.attestation.chain._HASHES", (hashes.SHA512,))
    with pytest.raises(AttestationNotAccepted, match="no root"):
        followed(certificate, roots=[maker])


def test_the_number_of_certificates_is_bounded(maker):
    assert MAX_CERTIFICATES == 6
    last, chain = maker, []
    for place in range(6):
        last = last.below(f"Authority {place}")
        chain.insert(0, last.certificate)
    with pytest.raises(ValueError, match="too many"):
        followed(leaf(last), *chain, roots=[maker])
    with pytest.raises(ValueError, match="none"):
        followed(roots=[maker])


def test_the_size_of_a_certificate_is_bounded(maker):
    def padded(size):
        filler = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), bytes(size))
        return leaf(maker, extensions=[NO_AUTHORITY, (filler, False)])

    assert MAX_CERTIFICATE_BYTES == 4096
    assert followed(padded(3000), roots=[maker])
    with pytest.raises(ValueError, match="too large"):
        followed(padded(4000), roots=[maker])


def with_key(maker, key):
    return maker.issue(AUTHENTICATOR, key)


@pytest.mark.parametrize(
    "make",
    [
        lambda: ec.generate_private_key(ec.SECP256K1()),
        lambda: ec.generate_private_key(ec.SECP224R1()),
        ed448.Ed448PrivateKey.generate,
        lambda: rsa.generate_private_key(65537, 1024),  # noqa: S505 - what is to be refused.
        lambda: dsa.generate_private_key(2048),
    ],
    ids=["secp256k1", "P-224", "Ed448", "RSA 1024", "DSA"],
)
def test_keys_that_no_maker_uses_are_refused(maker, make):
    with pytest.raises(ValueError, match="another kind"):
        followed(with_key(maker, make()), roots=[maker])


def test_what_keeps_its_verifier_busy_is_refused():
    modulus = rsa.generate_private_key(65537, 2048).public_key().public_numbers().n
    assert is_quick(rsa.RSAPublicNumbers(65537, modulus).public_key())
    assert is_quick(rsa.RSAPublicNumbers(2**32 - 1, modulus).public_key())
    assert not is_quick(rsa.RSAPublicNumbers(2**32 + 1, modulus).public_key())
    assert not is_quick(rsa.RSAPublicNumbers(65537, modulus << 2100 | 1).public_key())
    assert not is_quick(rsa.RSAPublicNumbers(65537, modulus >> 1 | 1).public_key())


def test_a_slow_key_signs_nothing(maker, monkeypatch):
    slow = with_key(maker, rsa.generate_private_key(65537, 2048))
    monkeypatch.setattr("pairing_server.keys.attestation.chain.MAX_RSA_EXPONENT", 3)
    with pytest.raises(ValueError, match="another kind"):
        followed(slow, roots=[maker])


@pytest.mark.parametrize("data", [b"", b"\x30", b"\x30\x00", b"\x00" * 4096])
def test_what_is_no_certificate_is_refused(maker, data):
    with pytest.raises(ValueError, match="unreadable"):
        follow([data], [maker.certificate])


def tampered(maker, old, new):
    data = leaf(maker, serial=0x0101010101010101).public_bytes(Encoding.DER)
    assert old in data
    return [data.replace(old, new)]


def test_an_older_version_is_refused(maker):
    older = asn1crypto.x509.Certificate.load(leaf(maker).public_bytes(Encoding.DER))
    older["tbs_certificate"]["version"] = "v1"
    del older["tbs_certificate"]["extensions"]
    with pytest.raises(ValueError, match="version"):
        follow([older.dump(force=True)], [maker.certificate])


@pytest.mark.parametrize("serial", [b"\0" * 8, b"\xff" + b"\1" * 7], ids=["zero", "negative"])
@pytest.mark.filterwarnings("ignore:Parsed a serial number")
def test_a_serial_number_is_positive(maker, serial):
    with pytest.raises(ValueError, match=r"serial|unreadable"):
        follow(tampered(maker, b"\1" * 8, serial), [maker.certificate])


def test_an_extension_that_is_not_there_is_none(maker):
    assert extension(leaf(maker), x509.KeyUsage) is None


def test_an_unknown_critical_extension_is_refused(registered, maker):
    unknown = (x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\5\0"), True)
    odd = maker.below(extensions=[*authority(), unknown])
    with pytest.raises(AttestationNotAccepted, match="critical"):
        registered("packed", issuer=odd, chain=[odd.certificate])
