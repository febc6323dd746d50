"""Chains of a card that are wrong in some things, at each level: for the differential test.

The catalogue is fixed and the choice is seeded, so that a chain is known by its number.
"""

import ipaddress
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta

from asn1crypto import x509 as asn1
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from clients.card_profile import ACCOUNT_NAME, CARD_NAME, Holder, Use, key_usage, other_name
from clients.test_ca import KeyKind, Style, UziTestCa
from tests.uzi.forge import Draft, Signing, key_for_pss_alone

LEVELS = ("leaf", "issuing", "level_2", "root")
SECOND = timedelta(seconds=1)

Edit = Callable[[Draft], None]


@dataclass(frozen=True)
class Chain:
    """A chain from the card to the root, by level, in DER."""

    ders: dict[str, bytes]


@dataclass(frozen=True)
class Base:
    """What keys the levels have, and how they sign; all else is as in a real chain."""

    kind: KeyKind = KeyKind.P_256
    signing: Signing = field(default_factory=Signing)
    pss_alone: Signing | bool = False


BASES = {
    "P-256": Base(),
    "P-256 with SHA-512": Base(signing=Signing("sha512")),
    "P-384": Base(KeyKind.P_384, Signing("sha384")),
    "P-521": Base(KeyKind.P_521, Signing("sha512")),
    "RSA": Base(KeyKind.RSA_2048),
    "RSA with SHA-512": Base(KeyKind.RSA_2048, Signing("sha512")),
    "RSA of 1024 bits": Base(KeyKind.RSA_1024),
    "RSASSA-PSS of 1024 bits": Base(KeyKind.RSA_1024, Signing("sha256", 32)),
    "RSASSA-PSS": Base(KeyKind.RSA_2048, Signing("sha512", 64)),
    "RSASSA-PSS with SHA-256": Base(KeyKind.RSA_2048, Signing("sha256", 32)),
    "RSASSA-PSS with another salt": Base(KeyKind.RSA_2048, Signing("sha512", 32)),
    "RSASSA-PSS with another mask": Base(KeyKind.RSA_2048, Signing("sha256", 32, "sha512")),
    "keys for RSASSA-PSS alone": Base(KeyKind.RSA_2048, Signing("sha512", 64), pss_alone=True),
    "keys for one RSASSA-PSS alone": Base(
        KeyKind.RSA_2048, Signing("sha512", 64), pss_alone=Signing("sha512", 64)
    ),
    "keys for another RSASSA-PSS alone": Base(
        KeyKind.RSA_2048, Signing("sha512", 64), pss_alone=Signing("sha256", 32)
    ),
    "SHA-1": Base(KeyKind.RSA_2048, Signing("sha1")),
    "SHA-224": Base(KeyKind.RSA_2048, Signing("sha224")),
    "ECDSA with SHA-1": Base(signing=Signing("sha1")),
    "ECDSA with SHA-3": Base(signing=Signing("sha3_256")),
}


class Mill:
    """Makes chains; a certificate is signed once for each choice of edits."""

    def __init__(self, at, keys):
        self._at = at
        self._keys = keys
        self._made = {}
        self._registers = {}
        self._profiles = {}

    def chain(self, base: str, edits: dict[str, tuple[str, ...]]) -> Chain:
        """Make the chain with these edits, by level."""
        return Chain(
            {level: self._certificate(base, level, edits.get(level, ())) for level in LEVELS}
        )

    @staticmethod
    def choices(count: int, seed: str) -> Iterator[tuple[str, dict[str, tuple[str, ...]]]]:
        """Choose base and edits of that many chains: one to three edits, mostly on P-256."""
        for number in range(count):
            choice = random.Random(f"{seed}.{number}")  # noqa: S311  (no secret)
            base = choice.choice(list(BASES)) if choice.randrange(4) == 0 else "P-256"
            edits: dict[str, tuple[str, ...]] = {}
            for _ in range(choice.choice((1, 1, 2, 2, 3))):
                level = choice.choice(LEVELS)
                edit = choice.choice(list(LEAF_EDITS if level == "leaf" else AUTHORITY_EDITS))
                edits[level] = (*edits.get(level, ()), edit)
            yield base, edits

    def _certificate(self, base, level, edits):
        if (base, level, edits) not in self._made:
            draft = self.draft(base, level)
            for edit in edits:
                (LEAF_EDITS if level == "leaf" else AUTHORITY_EDITS)[edit](draft)
            self._made[base, level, edits] = draft.sign()
        return self._made[base, level, edits]

    def draft(self, base: str, level: str) -> Draft:
        """Draft a certificate without edits."""
        register, card_key = self._register(base)
        keys = {
            "leaf": card_key,
            "issuing": register.issuing("Z").key,
            "level_2": register.level_2.key,
            "root": register.root.key,
        }
        signer = keys[LEVELS[min(LEVELS.index(level) + 1, 3)]]
        draft = Draft(
            profile=replace(self._profiles[base, level], serial_number=1 << 60),
            subject_key=keys[level],
            signer=signer,
            signing=BASES[base].signing,
            subject_identifier=identifier(keys[level]),
            authority_identifier=None if level == "root" else identifier(signer),
        )
        alone = BASES[base].pss_alone
        if alone and level != "leaf":
            draft.tbs.append(key_for_pss_alone(None if alone is True else alone))
        return draft

    def _register(self, base):
        if base not in self._registers:

            def keep(level, profile):
                self._profiles[base, level] = profile
                return profile

            new_key = self._keys.turn()
            style = Style(BASES[base].kind, new_key=new_key, change=keep)
            register = UziTestCa.create(self._at, style)
            keep("leaf", register.profile(Holder(), Use.AUTHENTICATION, self._at))
            self._registers[base] = (register, new_key(KeyKind.RSA_2048))
        return self._registers[base]


def identifier(key):
    return x509.SubjectKeyIdentifier.from_public_key(key.public_key()).digest


def profile_edit(change) -> Edit:
    def edit(draft):
        draft.profile = change(draft.profile)

    return edit


def put(extension, *, critical=False) -> Edit:
    return profile_edit(lambda profile: profile.replacing(extension, critical=critical))


def drop(kind) -> Edit:
    return profile_edit(lambda profile: profile.without(kind))


def set_part(name, value) -> Edit:
    return lambda draft: setattr(draft, name, value)


def in_tbs(change) -> Edit:
    return lambda draft: draft.tbs.append(change)


def outside(change) -> Edit:
    return lambda draft: draft.outside.append(change)


def both_ways(name, extension) -> dict[str, Edit]:
    return {
        name: put(extension),
        f"{name}, critical": put(extension, critical=True),
    }


def oid(dotted):
    return x509.ObjectIdentifier(dotted)


def raw(dotted, value):
    return x509.UnrecognizedExtension(oid(dotted), value)


def policies(*dotted):
    return x509.CertificatePolicies([x509.PolicyInformation(oid(one), None) for one in dotted])


def named(*pairs):
    return x509.DirectoryName(x509.Name([x509.NameAttribute(kind, text) for kind, text in pairs]))


def mapping(issuer, subject):
    """PolicyMappings (RFC 5280 section 4.2.1.5) of one pair, of OIDs in DER."""
    pair = b"\x30" + bytes((len(issuer) + len(subject),)) + issuer + subject
    return raw("2.5.29.33", b"\x30" + bytes((len(pair),)) + pair)


def double_policy(tbs):
    for one in tbs["extensions"]:
        if one["extn_id"].native == "certificate_policies":
            value = one["extn_value"].parsed
            value.append(value[0].copy())
            one["extn_value"] = value


def in_capitals(tbs, part):
    for attributes in tbs[part].chosen:
        for attribute in attributes:
            if attribute["type"].native == "common_name":
                attribute["value"] = type(attribute["value"].chosen)(
                    attribute["value"].native.upper()
                )


def in_printable_strings(tbs, part):
    for attributes in tbs[part].chosen:
        for attribute in attributes:
            if attribute["type"].native == "common_name":
                attribute["value"] = {"printable_string": attribute["value"].native}


def without_subject(tbs):
    tbs["subject"] = type(tbs["subject"]).build({})


def other_signature(one):
    value = bytearray(one["signature_value"].native)
    value[-1] ^= 1
    one["signature_value"] = bytes(value)


def point_at_issuer(tbs):
    for one in tbs["extensions"]:
        if one["extn_id"].native == "authority_key_identifier":
            value = one["extn_value"].parsed
            issuer = asn1.GeneralName(name="directory_name", value=tbs["issuer"].copy())
            value["authority_cert_issuer"] = asn1.GeneralNames([issuer])
            value["authority_cert_serial_number"] = 7
            one["extn_value"] = value


ANY = "2.5.29.32.0"
AUTHENTICATION, SIGNATURE = Use.AUTHENTICATION.value, Use.SIGNATURE.value
#: The two policies as DER.
_AUTHENTICATION = bytes.fromhex("060960841001876f638153")
_SIGNATURE = bytes.fromhex("060960841001876f638154")
NL, BE = ((NameOID.COUNTRY_NAME, code) for code in ("NL", "BE"))
CLIENT, SERVER, MAIL, ANY_USE = (
    ExtendedKeyUsageOID.CLIENT_AUTH,
    ExtendedKeyUsageOID.SERVER_AUTH,
    ExtendedKeyUsageOID.EMAIL_PROTECTION,
    ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,
)

#: On every level.
EDITS: dict[str, Edit] = {
    "no basicConstraints": drop(x509.BasicConstraints),
    **both_ways("no authority", x509.BasicConstraints(ca=False, path_length=None)),
    **both_ways("authority", x509.BasicConstraints(ca=True, path_length=None)),
    **{
        name: edit
        for length in (0, 1, 2)
        for name, edit in both_ways(
            f"pathLen {length}", x509.BasicConstraints(ca=True, path_length=length)
        ).items()
    },
    "no keyUsage": drop(x509.KeyUsage),
    **both_ways("keyUsage keyCertSign", key_usage("key_cert_sign")),
    **both_ways("keyUsage cRLSign", key_usage("crl_sign")),
    **both_ways("keyUsage digitalSignature", key_usage("digital_signature")),
    **both_ways("keyUsage nonRepudiation", key_usage("content_commitment")),
    **both_ways("keyUsage both", key_usage("digital_signature", "key_cert_sign")),
    "no extendedKeyUsage": drop(x509.ExtendedKeyUsage),
    **both_ways("extendedKeyUsage clientAuth", x509.ExtendedKeyUsage([CLIENT])),
    **both_ways("extendedKeyUsage any", x509.ExtendedKeyUsage([ANY_USE])),
    **both_ways("extendedKeyUsage serverAuth", x509.ExtendedKeyUsage([SERVER])),
    **both_ways("extendedKeyUsage three", x509.ExtendedKeyUsage([MAIL, SERVER, CLIENT])),
    "no policies": drop(x509.CertificatePolicies),
    **both_ways("policy authentication", policies(AUTHENTICATION)),
    **both_ways("policy signature", policies(SIGNATURE)),
    **both_ways("policy any", policies(ANY)),
    **both_ways("policy any and signature", policies(ANY, SIGNATURE)),
    "policy twice": in_tbs(double_policy),
    **both_ways("explicit policy 0", x509.PolicyConstraints(0, None)),
    **both_ways("explicit policy 2", x509.PolicyConstraints(2, None)),
    **both_ways("no mapping 0", x509.PolicyConstraints(None, 0)),
    **both_ways("inhibitAnyPolicy 0", x509.InhibitAnyPolicy(0)),
    **both_ways("inhibitAnyPolicy 1", x509.InhibitAnyPolicy(1)),
    **both_ways("inhibitAnyPolicy 2", x509.InhibitAnyPolicy(2)),
    **both_ways("mapping away", mapping(_AUTHENTICATION, _SIGNATURE)),
    **both_ways("mapping in", mapping(_SIGNATURE, _AUTHENTICATION)),
    **both_ways("names in NL", x509.NameConstraints([named(NL)], None)),
    **both_ways("names in BE", x509.NameConstraints([named(BE)], None)),
    **both_ways("no names in NL", x509.NameConstraints(None, [named(NL)])),
    **both_ways("no names in BE", x509.NameConstraints(None, [named(BE)])),
    **both_ways("all names", x509.NameConstraints([named()], None)),
    **both_ways("DNS names", x509.NameConstraints([x509.DNSName("example.nl")], None)),
    **both_ways("no DNS names", x509.NameConstraints(None, [x509.DNSName("example.nl")])),
    **both_ways("mail names", x509.NameConstraints([x509.RFC822Name("example.nl")], None)),
    **both_ways(
        "URI names", x509.NameConstraints([x509.UniformResourceIdentifier("example.nl")], None)
    ),
    **both_ways(
        "IP names",
        x509.NameConstraints([x509.IPAddress(ipaddress.ip_network("10.0.0.0/8"))], None),
    ),
    **both_ways(
        "card names",
        x509.NameConstraints([x509.OtherName(CARD_NAME, b"\x16\x01a")], None),
    ),
    **both_ways("unknown extension", raw("1.2.3.4", b"\x05\x00")),
    **both_ways("OCSP no check", x509.OCSPNoCheck()),
    **both_ways("TLS feature", x509.TLSFeature([x509.TLSFeatureType.status_request])),
    **both_ways(
        "freshest CRL",
        x509.FreshestCRL(
            [
                x509.DistributionPoint(
                    [x509.UniformResourceIdentifier("http://x.invalid")], None, None, None
                )
            ]
        ),
    ),
    **both_ways("issuer alternative name", x509.IssuerAlternativeName([x509.DNSName("x.nl")])),
    **both_ways("subject directory attributes", raw("2.5.29.9", b"\x30\x00")),
    **both_ways("qcStatements", raw("1.3.6.1.5.5.7.1.3", b"\x30\x00")),
    "expired": profile_edit(lambda p: replace(p, not_after=p.not_before + SECOND)),
    "not yet valid": profile_edit(lambda p: replace(p, not_before=p.not_after - SECOND)),
    "no subjectKeyIdentifier": set_part("subject_identifier", None),
    "other subjectKeyIdentifier": set_part("subject_identifier", b"other"),
    "no authorityKeyIdentifier": set_part("authority_identifier", None),
    "other authorityKeyIdentifier": set_part("authority_identifier", b"other"),
    "serial number 0": in_tbs(lambda tbs: tbs.__setitem__("serial_number", 0)),
    "negative serial number": in_tbs(lambda tbs: tbs.__setitem__("serial_number", -5)),
    "serial number of 21 octets": in_tbs(lambda tbs: tbs.__setitem__("serial_number", 1 << 161)),
    "version 1": in_tbs(lambda tbs: tbs.__setitem__("version", "v1")),
    "version 2": in_tbs(lambda tbs: tbs.__setitem__("version", "v2")),
    "issuer in capitals": in_tbs(lambda tbs: in_capitals(tbs, "issuer")),
    "subject in capitals": in_tbs(lambda tbs: in_capitals(tbs, "subject")),
    "issuer in printable strings": in_tbs(lambda tbs: in_printable_strings(tbs, "issuer")),
    "subject in printable strings": in_tbs(lambda tbs: in_printable_strings(tbs, "subject")),
    "empty subject": in_tbs(without_subject),
    "another algorithm outside": outside(
        lambda one: one.__setitem__("signature_algorithm", {"algorithm": "sha384_ecdsa"})
    ),
    "another signature": outside(other_signature),
    "issuer and serial in authorityKeyIdentifier": in_tbs(point_at_issuer),
}
AUTHORITY_EDITS = {
    **EDITS,
    **both_ways("alternative name", x509.SubjectAlternativeName([x509.DNSName("x.nl")])),
}
_NAMES = (
    other_name(ACCOUNT_NAME, 0x0C, "900001234@90000382"),
    other_name(CARD_NAME, 0x16, Holder().card_name),
)
LEAF_EDITS = {
    **EDITS,
    "key for RSASSA-PSS alone": in_tbs(key_for_pss_alone()),
    "no alternative name": drop(x509.SubjectAlternativeName),
    "alternative name, critical": put(x509.SubjectAlternativeName(_NAMES), critical=True),
    **{
        f"with {label}": put(x509.SubjectAlternativeName((*_NAMES, name)))
        for label, name in {
            "a DNS name": x509.DNSName("www.example.nl"),
            "another DNS name": x509.DNSName("www.example.be"),
            "a wrong DNS name": x509.DNSName("a_b .example.nl"),
            "a mail name": x509.RFC822Name("a@example.nl"),
            "another mail name": x509.RFC822Name("a@example.be"),
            "a URI": x509.UniformResourceIdentifier("http://example.nl/"),
            "a URI without a host": x509.UniformResourceIdentifier("urn:x"),
            "an IP address": x509.IPAddress(ipaddress.ip_address("10.1.2.3")),
            "a directory name": named(BE),
            "a registered ID": x509.RegisteredID(oid("1.2.3")),
        }.items()
    },
}
