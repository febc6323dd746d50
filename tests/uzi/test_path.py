"""The path from a card to an anchor, and everything that may be wrong with it."""

import contextlib
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from asn1crypto import x509 as asn1
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clients.card_profile import CARD_NAME, Use, key_usage
from clients.test_ca import KeyKind, Style, UziTestCa, make_key
from pairing_server.uzi.anchors import TrustAnchors
from pairing_server.uzi.path import (
    MAX_CERTIFICATE_BYTES,
    CardVerifier,
    load_anchors,
    load_certificate,
)
from pairing_server.uzi.refusals import (
    AuthorityNotValid,
    CardExpired,
    CardNotYetValid,
    CardRefused,
    MalformedCertificate,
    NameNotPermitted,
    NotAnAuthority,
    PathDisputed,
    PathTooLong,
    PolicyNotAllowed,
    PurposeNotAllowed,
    UnknownCriticalExtension,
    UntrustedIssuer,
    WeakKey,
    WrongPolicy,
)
from tests.uzi.chains import Mill

SECOND = timedelta(seconds=1)

any_policy = x509.CertificatePolicies(
    [x509.PolicyInformation(x509.ObjectIdentifier("2.5.29.32.0"), None)]
)
other_policy = x509.CertificatePolicies(
    [x509.PolicyInformation(x509.ObjectIdentifier(Use.SIGNATURE.value), None)]
)
no_authority = x509.BasicConstraints(ca=False, path_length=None)
server_use = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
unknown_extension = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00")


def der(certificate):
    return certificate.public_bytes(Encoding.DER)


def at_level(level, edit):
    """Change the certificates of one level of authorities."""
    return lambda name, profile: edit(profile) if name == level else profile


@pytest.fixture
def verify(verifier, at):
    return lambda issued: verifier.verify(issued.der, issued.chain_ders, at)


@pytest.fixture
def card_at(verifier, card):
    return lambda moment: verifier.verify(card.der, card.chain_ders, moment)


@pytest.fixture
def verify_under(make_ca, trusting, holder, at, card_key):
    """Verify a good card of a register that was made in another style."""

    def verify_under(**style):
        ca = make_ca(**style)
        issued = ca.certify(holder, ca.profile(holder, Use.AUTHENTICATION, at), card_key)
        return trusting(ca.root.certificate).verify(issued.der, issued.chain_ders, at)

    return verify_under


@pytest.mark.parametrize(
    "style",
    [
        {"key_kind": KeyKind.RSA_2048},
        {"key_kind": KeyKind.RSA_2048, "pss": True},
        {"key_kind": KeyKind.P_256},
        {"key_kind": KeyKind.P_384},
        {"key_kind": KeyKind.P_521},
    ],
    ids=["RSA", "RSA-PSS", "P-256", "P-384", "P-521"],
)
def test_a_good_card_is_believed(verify_under, style):
    assert verify_under(**style).card.uzi_number == "900001234"


@pytest.fixture(params=[KeyKind.RSA_3072, KeyKind.RSA_4096], ids=["3072", "4096"])
def long_key(request, key_ring):
    """One key for all authorities: it is the length that takes time to make."""
    return key_ring.turn()(request.param)


@pytest.mark.parametrize("pss", [True, False], ids=["RSASSA-PSS", "PKCS #1"])
def test_a_card_of_authorities_with_long_keys_is_believed(trusting, holder, at, long_key, pss):
    ca = UziTestCa.create(at, Style(pss=pss, new_key=lambda _: long_key))
    issued = ca.issue(holder, at).authentication

    verified = trusting(ca.root.certificate).verify(issued.der, issued.chain_ders, at)

    assert verified.path == (issued.certificate, *issued.chain)


@pytest.mark.parametrize("kind", [KeyKind.RSA_2048, KeyKind.RSA_3072, *list(KeyKind)[-3:]])
def test_a_card_may_have_any_accepted_key(verify, certify, profile, key_ring, kind):
    assert verify(certify(profile, key_ring.turn()(kind))).card.uzi_number == "900001234"


def test_a_short_key_is_refused(verify, certify, profile, key_ring):
    with pytest.raises(WeakKey):
        verify(certify(profile, key_ring.turn()(KeyKind.RSA_1024)))


def test_a_key_of_another_kind_is_refused(verify, certify, profile):
    with pytest.raises(WeakKey):
        verify(certify(profile, ed25519.Ed25519PrivateKey.generate()))


@pytest.mark.parametrize("with_root", [[], ["root_ca"]])
@pytest.mark.parametrize("order", [1, -1])
def test_the_real_test_card_is_believed_in_its_time(real, trusting, with_root, order):
    verifier = trusting(real["root_ca"])
    files = ["zorgverlener_ca", "level_2_persoon_ca", *with_root][::order]

    card = verifier.verify(
        der(real["authenticiteit"]),
        [der(real[file]) for file in files],
        datetime(2018, 6, 26, tzinfo=UTC),
    ).card

    assert (card.uzi_number, card.last_name) == ("900016528", "test-90014548")


def test_the_real_test_card_has_expired(real, trusting):
    verifier = trusting(real["root_ca"])
    chain = [der(real["zorgverlener_ca"]), der(real["level_2_persoon_ca"])]

    with pytest.raises(CardExpired):
        verifier.verify(der(real["authenticiteit"]), chain, datetime.now(UTC))


@pytest.mark.parametrize("file", ["handtekening", "vertrouwelijkheid"])
def test_the_real_test_cards_other_certificates_are_refused(real, trusting, file):
    verifier = trusting(real["root_ca"])
    chain = [der(real["zorgverlener_ca"]), der(real["level_2_persoon_ca"])]

    with pytest.raises(WrongPolicy):
        verifier.verify(der(real[file]), chain, datetime(2018, 6, 26, tzinfo=UTC))


def test_a_real_test_card_is_refused_under_another_root(real, verifier):
    chain = [der(real[file]) for file in ("zorgverlener_ca", "level_2_persoon_ca", "root_ca")]

    with pytest.raises(UntrustedIssuer):
        verifier.verify(der(real["authenticiteit"]), chain, datetime(2018, 6, 26, tzinfo=UTC))


@pytest.mark.parametrize(
    ("edge", "step", "refusal"),
    [("not_before", -SECOND, CardNotYetValid), ("not_after", SECOND, CardExpired)],
)
def test_a_card_is_refused_outside_its_validity(card_at, profile, edge, step, refusal):
    moment = getattr(profile, edge)

    with pytest.raises(refusal):
        card_at(moment + step)


@pytest.mark.parametrize("edge", ["not_before", "not_after"])
def test_a_card_is_believed_to_the_last_second(card_at, profile, edge):
    assert card_at(getattr(profile, edge)).card.uzi_number == "900001234"


def test_an_issuing_authority_may_be_the_anchor(ca, card, trusting, at):
    verifier = trusting(ca.issuing("Z").certificate)

    assert verifier.verify(card.der, [], at).card.uzi_number == "900001234"


def test_without_anchors_no_card_is_believed(card, trusting, at):
    with pytest.raises(UntrustedIssuer):
        trusting().verify(card.der, card.chain_ders, at)


def test_a_card_is_not_its_own_anchor(card, trusting, at):
    verifier = trusting(card.certificate)

    with pytest.raises(UntrustedIssuer):
        verifier.verify(card.der, card.chain_ders, at)


@pytest.mark.parametrize("kept", [slice(0), slice(1), slice(1, 3)])
def test_an_incomplete_chain_is_refused(verifier, card, at, kept):
    with pytest.raises(UntrustedIssuer):
        verifier.verify(card.der, card.chain_ders[kept], at)


def test_a_card_of_a_register_of_the_same_names_is_refused(trusting, real, card, at):
    verifier = trusting(real["root_ca"])

    with pytest.raises(UntrustedIssuer):
        verifier.verify(card.der, card.chain_ders, at)


def test_a_card_that_another_key_signed_is_refused(ca, profile, card, verify):
    forger = replace(ca.issuing("Z"), key=card.key)
    forged = replace(card, certificate=forger.sign(profile, card.key))

    with pytest.raises(UntrustedIssuer, match="no signature below an anchor"):
        verify(forged)


def test_a_card_that_a_card_signed_is_refused(ca, profile, card, verify, certify):
    """The signer bears the issuing authority's name and a valid signature of it."""
    signer = certify(replace(profile, subject=profile.issuer)).certificate
    forger = replace(ca.issuing("Z"), certificate=signer, key=card.key)
    forged = forger.sign(profile, card.key)

    with pytest.raises(UntrustedIssuer):
        verify(replace(card, certificate=forged, chain=(signer, *card.chain)))


@pytest.mark.parametrize("level", ["root", "level_2", "issuing"])
@pytest.mark.parametrize(
    ("edit", "refusal"),
    [
        (lambda p: p.without(x509.BasicConstraints), NotAnAuthority),
        (lambda p: p.replacing(no_authority, critical=True), NotAnAuthority),
        (lambda p: p.without(x509.KeyUsage), NotAnAuthority),
        (lambda p: p.replacing(key_usage("crl_sign"), critical=True), NotAnAuthority),
        (lambda p: p.replacing(server_use), PurposeNotAllowed),
        (lambda p: p.replacing(unknown_extension, critical=True), UnknownCriticalExtension),
        (lambda p: replace(p, not_after=p.not_before + SECOND), AuthorityNotValid),
        (lambda p: replace(p, not_before=p.not_after - SECOND), AuthorityNotValid),
    ],
    ids=[
        "no basicConstraints",
        "no authority",
        "no keyUsage",
        "no keyCertSign",
        "serverAuth only",
        "unknown critical extension",
        "expired",
        "not yet valid",
    ],
)
def test_an_authority_that_is_wrong_in_one_thing_is_refused(verify_under, level, edit, refusal):
    with pytest.raises(refusal):
        verify_under(change=at_level(level, edit))


@pytest.mark.parametrize("level", ["level_2", "issuing"])
@pytest.mark.parametrize(
    "edit",
    [
        lambda p: p.without(x509.CertificatePolicies),
        lambda p: p.replacing(other_policy),
    ],
    ids=["no policies", "another policy"],
)
def test_an_authority_that_does_not_allow_the_policy_is_refused(verify_under, level, edit):
    with pytest.raises(PolicyNotAllowed):
        verify_under(change=at_level(level, edit))


@pytest.mark.parametrize(
    "edit",
    [
        lambda p: p.replacing(x509.BasicConstraints(ca=True, path_length=1)),
        lambda p: p.without(x509.ExtendedKeyUsage),
        lambda p: p.replacing(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE])),
        lambda p: p.replacing(any_policy),
        lambda p: p.replacing(
            x509.PolicyConstraints(require_explicit_policy=0, inhibit_policy_mapping=0),
            critical=True,
        ),
        lambda p: p.replacing(x509.InhibitAnyPolicy(0), critical=True),
        lambda p: p.replacing(unknown_extension),
    ],
    ids=[
        "basicConstraints not critical",
        "no extendedKeyUsage",
        "anyExtendedKeyUsage",
        "anyPolicy",
        "policyConstraints",
        "inhibitAnyPolicy",
        "unknown extension",
    ],
)
@pytest.mark.parametrize("level", ["level_2", "issuing"])
def test_an_authority_may_differ_where_it_does_no_harm(verify_under, level, edit):
    assert verify_under(change=at_level(level, edit)).card.uzi_number == "900001234"


def test_any_policy_does_not_count_where_it_is_inhibited(verify_under):
    edits = {
        "root": lambda p: p,
        "level_2": lambda p: p.replacing(x509.InhibitAnyPolicy(0), critical=True),
        "issuing": lambda p: p.replacing(any_policy),
    }

    with pytest.raises(PolicyNotAllowed):
        verify_under(change=lambda level, profile: edits[level](profile))


def test_a_path_longer_than_an_authority_allows_is_refused(verify_under):
    short = x509.BasicConstraints(ca=True, path_length=0)

    with pytest.raises(PathTooLong):
        verify_under(change=at_level("level_2", lambda p: p.replacing(short, critical=True)))


@pytest.fixture
def verify_below(ca, trusting, card, profile, at):
    """Verify a good card with that many authorities, all of one key, below the anchor."""
    issuing = ca.issuing("Z")
    authority = x509.BasicConstraints(ca=True, path_length=None)
    usual = profile.replacing(authority).replacing(key_usage("key_cert_sign"))

    def verify_below(count):
        titles = [x509.NameAttribute(NameOID.COMMON_NAME, f"{level}") for level in range(count)]
        names = [profile.issuer, *(x509.Name([title]) for title in titles)]
        anchor = replace(usual, subject=names[-1], issuer=names[-1])
        others = [replace(usual, subject=one, issuer=next_) for one, next_ in pairwise(names)]
        chain = [der(issuing.sign(other, issuing.key)) for other in others]
        return trusting(issuing.sign(anchor, issuing.key)).verify(card.der, chain, at)

    return verify_below


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_three_authorities_may_stand_below_the_anchor(verify_below, count):
    assert verify_below(count).card.uzi_number == "900001234"


def test_a_fourth_authority_below_the_anchor_is_refused(verify_below):
    with pytest.raises(PathTooLong):
        verify_below(4)


def in_country(code):
    return x509.DirectoryName(x509.Name([x509.NameAttribute(NameOID.COUNTRY_NAME, code)]))


@pytest.mark.parametrize("level", ["root", "level_2", "issuing"])
@pytest.mark.parametrize("critical", [True, False])
@pytest.mark.parametrize(
    "constraints",
    [
        x509.NameConstraints([in_country("BE")], None),
        x509.NameConstraints(None, [in_country("NL")]),
        x509.NameConstraints(None, [x509.OtherName(CARD_NAME, b"\x16\x01a")]),
    ],
    ids=["elsewhere permitted", "here excluded", "on the card name, which nobody can compare"],
)
def test_name_constraints_are_kept(verify_under, level, constraints, critical):
    with pytest.raises(NameNotPermitted):
        verify_under(change=at_level(level, lambda p: p.replacing(constraints, critical=critical)))


@pytest.mark.parametrize("level", ["root", "level_2", "issuing"])
@pytest.mark.parametrize("critical", [True, False])
@pytest.mark.parametrize(
    "constraints",
    [
        x509.NameConstraints([in_country("NL")], None),
        x509.NameConstraints(None, [in_country("BE")]),
        x509.NameConstraints([x509.DNSName("example.nl")], [x509.RFC822Name("example.nl")]),
    ],
    ids=["here permitted", "elsewhere excluded", "on names that a card has not"],
)
def test_name_constraints_that_a_card_keeps_do_no_harm(verify_under, level, constraints, critical):
    change = at_level(level, lambda p: p.replacing(constraints, critical=critical))

    assert verify_under(change=change).card.uzi_number == "900001234"


def test_an_unknown_critical_extension_of_the_card_is_refused(verify, certify, profile):
    with pytest.raises(UnknownCriticalExtension):
        verify(certify(profile.replacing(unknown_extension, critical=True)))


@pytest.mark.parametrize("kind", [x509.ExtendedKeyUsage, x509.CertificatePolicies])
def test_a_known_extension_of_the_card_may_be_critical(verify, certify, profile, kind):
    value = next(value for value, _ in profile.extensions if isinstance(value, kind))

    assert verify(certify(profile.replacing(value, critical=True))).card.uzi_number == "900001234"


def test_an_authority_that_was_signed_twice_is_found(make_ca, card, verifier, at):
    """The real ones were, in 2019: the same name and key, of which one certificate is no good."""
    wrong = make_ca(change=at_level("issuing", lambda p: p.replacing(other_policy)))
    chain = [der(wrong.issuing("Z").certificate), *card.chain_ders]

    assert verifier.verify(card.der, chain, at).card.uzi_number == "900001234"


@pytest.fixture(scope="session")
def twins(ca, make_ca):
    """An authority that was signed twice: one name, one key, two certificates."""
    return [ca.issuing("Z").certificate, make_ca().issuing("Z").certificate]


@pytest.mark.parametrize("order", ["old", "new", "old, new", "new, old"])
def test_either_certificate_of_an_authority_that_was_signed_twice_leads_to_the_anchor(
    twins, card, verifier, at, order
):
    presented = [twins[name == "new"] for name in order.split(", ")]
    chain = [*map(der, presented), *card.chain_ders[1:]]

    path = verifier.verify(card.der, chain, at).path

    assert path[1] == presented[0]
    assert twins[0].public_key() == twins[1].public_key()
    assert twins[0] != twins[1]


@pytest.mark.parametrize("level", range(3))
def test_an_anchor_may_be_a_fingerprint_in_the_presented_chain(card, hierarchy, at, level):
    """Of the issuing authority, of the one above it, or of the root."""
    anchors = TrustAnchors((), frozenset((card.chain[level].fingerprint(SHA256()),)))

    path = CardVerifier(anchors, hierarchy).verify(card.der, card.chain_ders, at).path

    assert path == (card.certificate, *card.chain[: level + 1])


def test_a_fingerprint_that_is_not_in_the_presented_chain_is_no_anchor(card, hierarchy, at):
    anchors = TrustAnchors((), frozenset((card.chain[2].fingerprint(SHA256()),)))

    with pytest.raises(UntrustedIssuer):
        CardVerifier(anchors, hierarchy).verify(card.der, card.chain_ders[:2], at)


def test_a_fingerprint_of_the_card_makes_it_no_anchor(card, hierarchy, at):
    anchors = TrustAnchors((), frozenset((card.certificate.fingerprint(SHA256()),)))

    with pytest.raises(UntrustedIssuer):
        CardVerifier(anchors, hierarchy).verify(card.der, [card.der, *card.chain_ders], at)


@pytest.fixture(scope="module")
def mill(at, key_ring):
    return Mill(at, key_ring)


@pytest.fixture
def verify_chain(mill, trusting, at):
    """Verify a chain with these edits, by level."""

    def verify_chain(base="P-256", **edits):
        ders = mill.chain(base, {level: (edit,) for level, edit in edits.items()}).ders
        chain = [ders["issuing"], ders["level_2"]]
        return trusting(load_certificate(ders["root"])).verify(ders["leaf"], chain, at)

    return verify_chain


@pytest.mark.parametrize(
    "base", ["keys for RSASSA-PSS alone", "keys for one RSASSA-PSS alone"], ids=["any", "one"]
)
def test_authorities_may_have_keys_for_pss_alone(verify_chain, base):
    assert verify_chain(base).card.uzi_number == "900001234"


def test_authorities_do_not_sign_with_another_pss_than_their_keys_are_for(verify_chain):
    with pytest.raises(UntrustedIssuer):
        verify_chain("keys for another RSASSA-PSS alone")


@pytest.mark.parametrize(
    ("edit", "refusal"),
    [
        ("no keyUsage", NotAnAuthority),
        ("no authority", NotAnAuthority),
        ("extendedKeyUsage serverAuth", PurposeNotAllowed),
        ("policy signature", PolicyNotAllowed),
        ("expired", AuthorityNotValid),
        ("names in BE", NameNotPermitted),
        ("unknown extension, critical", UnknownCriticalExtension),
    ],
)
@pytest.mark.parametrize(
    "excuse", ["names in NL, critical", "all names, critical"], ids=["names", "all names"]
)
def test_where_the_second_cannot_judge_the_first_refuses_still(
    verify_chain, excuse, edit, refusal
):
    with pytest.raises(refusal):
        verify_chain(level_2=excuse, issuing=edit)


@pytest.mark.parametrize(
    "edits",
    [{"issuing": "version 1"}, {"leaf": "version 1"}, {"root": "another algorithm outside"}],
)
def test_a_path_that_the_second_alone_refuses_is_refused(verify_chain, edits):
    with pytest.raises(PathDisputed):
        verify_chain(**edits)


def test_a_path_that_the_first_alone_refuses_is_refused(verify_chain):
    with pytest.raises(UntrustedIssuer):
        verify_chain(issuing="mapping away")


def test_a_card_of_a_path_that_both_accept_is_believed_beside_one_that_one_refuses(
    ca, make_ca, card, verifier, at
):
    bad = [twin_wrong_in(make_ca, one) for one in ("expired", "purpose")]

    path = verifier.verify(card.der, [*bad, *card.chain_ders[:2]], at).path

    assert path[1] == ca.issuing("Z").certificate


def twin_wrong_in(make_ca, thing):
    edit = {
        "expired": lambda p: replace(p, not_after=p.not_before + SECOND),
        "purpose": lambda p: p.replacing(server_use),
    }[thing]
    return der(make_ca(change=at_level("issuing", edit)).issuing("Z").certificate)


@pytest.mark.parametrize(
    ("wrong", "refusal"),
    [(["expired", "purpose"], AuthorityNotValid), (["purpose", "expired"], PurposeNotAllowed)],
)
def test_of_paths_that_are_all_refused_the_first_is_told(
    make_ca, card, verifier, at, wrong, refusal
):
    twins = [twin_wrong_in(make_ca, one) for one in wrong]

    with pytest.raises(refusal):
        verifier.verify(card.der, [*twins, *card.chain_ders[1:]], at)


def test_certificates_in_circles_keep_nobody_busy(mill, card, verifier, at):
    """Five that could each have signed each other, and a card of theirs."""
    key = make_key(KeyKind.P_256)
    forged = [mill.draft("P-256", level) for level in ("leaf", *["issuing"] * 5)]
    for number, draft in enumerate(forged):
        draft.signer = key
        draft.subject_identifier = draft.authority_identifier = None
        draft.profile = replace(draft.profile, serial_number=number + 1)
        if number:
            draft.subject_key = key
            draft.profile = replace(draft.profile, issuer=draft.profile.subject)
    leaf, *circle = (draft.sign() for draft in forged)

    def verify():
        with pytest.raises(UntrustedIssuer):
            verifier.verify(leaf, circle, at)

    assert calls(verify) < 2 * calls(lambda: verifier.verify(card.der, card.chain_ders, at))


def calls(run):
    """Count the functions that are called: how long they take depends on who else works."""
    count = 0

    def profile(_frame, event, _argument):
        nonlocal count
        count += event == "call"

    sys.setprofile(profile)
    try:
        run()
    finally:
        sys.setprofile(None)
    return count


@pytest.mark.parametrize(
    "edits",
    [
        {"leaf": "unknown extension, critical"},
        {"leaf": "another signature"},
        {"issuing": "names in BE"},
        {"issuing": "expired"},
        {"leaf": "version 1"},
    ],
)
def test_a_refusal_does_not_quote_the_card(verify_chain, edits):
    with pytest.raises(CardRefused) as refused:
        verify_chain(**edits)

    assert not any(word in repr(refused.value.args) for word in ("Jansen", "900001234", "CIBG"))


def test_a_chain_of_six_is_refused(verifier, card, at):
    with pytest.raises(MalformedCertificate):
        verifier.verify(card.der, card.chain_ders * 2, at)


def test_a_chain_of_five_may_say_things_twice(verifier, card, at):
    chain = [*card.chain_ders, *card.chain_ders[:2]]

    assert verifier.verify(card.der, chain, at).card.uzi_number == "900001234"


def test_a_certificate_above_the_limit_is_not_read():
    with pytest.raises(MalformedCertificate, match="size"):
        load_certificate(b"\x30" * (MAX_CERTIFICATE_BYTES + 1))


def test_a_certificate_of_an_unknown_version_is_refused(card):
    version_3, version_6 = b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x05"

    with pytest.raises(MalformedCertificate, match="InvalidVersion"):
        load_certificate(card.der.replace(version_3, version_6, 1))


def test_a_certificate_with_bits_for_a_name_is_refused(card):
    text, bits = b"\x0c\x06Jansen", b"\x03\x06Jansen"

    with pytest.raises(MalformedCertificate, match="TypeError"):
        load_certificate(card.der.replace(text, bits))


def test_a_certificate_with_a_name_that_nobody_reads_is_refused(certify, profile):
    x400_address = x509.UnrecognizedExtension(
        x509.SubjectAlternativeName.oid, b"\x30\x04\xa3\x02\x30\x00"
    )
    issued = certify(profile.without(x509.SubjectAlternativeName).replacing(x400_address))

    with pytest.raises(MalformedCertificate, match="UnsupportedGeneralNameType"):
        load_certificate(issued.der)


def test_a_certificate_of_the_year_0_is_refused(mill):
    draft = mill.draft("P-256", "issuing")
    year_0 = b"\x18\x0f00000101000000Z"
    validity = asn1.Validity.load(b"\x30\x22" + 2 * year_0)
    draft.tbs.append(lambda tbs: tbs.__setitem__("validity", validity))

    with pytest.raises(MalformedCertificate, match="ValueError"):
        load_certificate(draft.sign())


def test_bytes_after_a_certificate_are_refused(verifier, card, at):
    with pytest.raises(MalformedCertificate):
        verifier.verify(card.der + b"\0", card.chain_ders, at)


def test_a_malformed_authority_is_refused(verifier, card, at):
    with pytest.raises(MalformedCertificate):
        verifier.verify(card.der, [*card.chain_ders, b"\x30\x00"], at)


@given(leaf=st.binary(max_size=200), chain=st.lists(st.binary(max_size=200), max_size=7))
def test_arbitrary_bytes_are_refused(verifier, at, leaf, chain):
    with pytest.raises(CardRefused):
        verifier.verify(leaf, chain, at)


@pytest.mark.filterwarnings("ignore::cryptography.utils.CryptographyDeprecationWarning")
@pytest.mark.filterwarnings("ignore:Attribute's length:UserWarning")
@given(data=st.data())
@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
def test_changed_bytes_never_make_another_card(verifier, card, at, data):
    changed = data.draw(mutations(card.der))

    # The unused bits of the signature's BIT STRING may change and say nothing else.
    with contextlib.suppress(CardRefused):
        assert verifier.verify(changed, card.chain_ders, at) == card_of(verifier, card, at)


@pytest.mark.filterwarnings("ignore::cryptography.utils.CryptographyDeprecationWarning")
@pytest.mark.filterwarnings("ignore:Attribute's length:UserWarning")
@given(data=st.data())
@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
def test_changed_bytes_of_an_authority_never_make_another_card(verifier, card, at, data):
    issuing, level_2, root = card.chain_ders
    chain = [data.draw(mutations(issuing)), level_2, root]

    with contextlib.suppress(CardRefused):
        assert verifier.verify(card.der, chain, at) == card_of(verifier, card, at)


def card_of(verifier, issued, at):
    return verifier.verify(issued.der, issued.chain_ders, at)


@st.composite
def mutations(draw, encoded):
    """Change a byte, cut the end off, or put bytes in."""
    place = draw(st.integers(0, len(encoded) - 1))
    change = draw(st.integers(1, 255))
    changed = encoded[:place] + bytes((encoded[place] ^ change,)) + encoded[place + 1 :]
    inserted = encoded[:place] + bytes((change,)) + encoded[place:]
    return draw(st.sampled_from((changed, encoded[:place], inserted)))


def test_anchors_are_read_from_der_and_pem(ca):
    root = ca.root.certificate
    both = root.public_bytes(Encoding.PEM) + ca.level_2.certificate.public_bytes(Encoding.PEM)

    assert load_anchors(der(root)) == [root]
    assert load_anchors(both) == [root, ca.level_2.certificate]


def test_an_anchor_is_read_in_every_part(ca):
    """What is read later only would be refused to a card's holder, and not told at start."""
    version_3, subject = b"\xa0\x03\x02\x01\x02", b"\x06\x03\x55\x04\x0a\x0c"
    good = der(ca.root.certificate)

    for part, other in ((version_3, b"\xa0\x03\x02\x01\x07"), (subject, subject[:-1] + b"\x03")):
        assert part in good
        with pytest.raises(ValueError, match=r"InvalidVersion|ValueError|TypeError"):
            load_anchors(good.replace(part, other))


@pytest.mark.parametrize("data", [b"", b"-----BEGIN CERTIFICATE-----\n", b"\x30\x00"])
def test_a_file_without_anchors_is_an_error(data):
    with pytest.raises(ValueError, match=r"."):
        load_anchors(data)


def slow_key():
    """A key whose signatures take a hundred times as long to check, as only a stranger makes."""
    numbers = make_key(KeyKind.RSA_2048).public_key().public_numbers()
    return rsa.RSAPublicNumbers((1 << 2047) + 1, numbers.n).public_key()


class Slow:
    """A subject key of which only the public half is there."""

    def public_key(self):
        return slow_key()


def test_a_key_made_to_keep_us_busy_is_refused_before_it_is_used(certify, profile, verifier, at):
    slow = certify(profile, key=Slow())

    with pytest.raises(WeakKey):
        verifier.verify(slow.der, slow.chain_ders, at)


def test_a_chain_with_such_a_key_is_refused_too(card, certify, profile, verifier, at):
    slow = certify(profile, key=Slow())

    with pytest.raises(WeakKey):
        verifier.verify(card.der, [slow.der], at)
