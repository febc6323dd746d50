"""Why a card is not believed: one class for each rule that it can fail.

CardRefused                         422
├── MalformedCertificate            malformed_certificate       not a certificate, or too large
├── CardNotYetValid                 card_not_yet_valid          RFC 5280 section 4.1.2.5
├── CardExpired                     card_expired                RFC 5280 section 4.1.2.5
├── UntrustedPath                                               the path breaks a rule
│   ├── UnknownIssuer               unknown_issuer              CPS tables 7 and 8
│   ├── UntrustedIssuer             untrusted_issuer            RFC 5280 section 6.1.3 (a)(1)
│   ├── AuthorityNotValid           authority_not_valid         RFC 5280 section 6.1.3 (a)(2)
│   ├── NameNotPermitted            name_not_permitted          RFC 5280 section 6.1.3 (b), (c)
│   ├── PolicyNotAllowed            policy_not_allowed          RFC 5280 section 6.1.3 (d) to (f)
│   ├── NotAnAuthority              not_an_authority            RFC 5280 section 6.1.4 (k), (n)
│   ├── PathTooLong                 path_too_long               RFC 5280 section 6.1.4 (l), (m)
│   ├── UnknownCriticalExtension    unknown_critical_extension  RFC 5280 section 6.1.4 (o)
│   ├── PurposeNotAllowed           purpose_not_allowed         RFC 5280 section 4.2.1.12
│   ├── PathDisputed                path_disputed               the two verifiers differ
│   └── AuthorityRevoked            authority_revoked           RFC 5280 section 6.1.3 (a)(3)
├── InconsistentIssuer              inconsistent_issuer         OID CA, issuer and card type differ
├── CardTypeNotAccepted             card_type_not_accepted      CPS section 7.1.4
│   ├── ServerCertificate           server_certificate          CPS section 7.1.5
│   └── UnknownCardType             unknown_card_type           CPS section 7.1.5
├── WrongCertificate                                            another certificate of the card
│   ├── CertificateOfAuthority      wrong_certificate           CPS table 8
│   ├── WrongPolicy                 wrong_policy                CPS table 4
│   ├── WrongKeyUsage               wrong_key_usage             CPS table 8
│   └── WrongExtendedKeyUsage       wrong_extended_key_usage    CPS table 8
├── UnreadableCard                                              the card says it in another form
│   ├── MissingCardName             missing_card_name           CPS section 7.1.5
│   ├── DoubledCardName             doubled_card_name           CPS section 7.1.5
│   ├── WrongCardNameType           wrong_card_name_type        CPS table 10
│   ├── MalformedCardName           malformed_card_name         CPS tables 10 and 11
│   ├── MalformedUziNumber          malformed_uzi_number        CPS tables 10 and 11
│   ├── MissingAccountName          missing_account_name        CPS table 8
│   ├── DoubledAccountName          doubled_account_name        CPS table 8
│   ├── MalformedAccountName        malformed_account_name      CPS table 8
│   └── MalformedSubject            malformed_subject           CPS table 7
├── InconsistentCard                                            the card contradicts itself
│   ├── InconsistentSubject         inconsistent_subject        CPS table 7
│   ├── InconsistentAccountName     inconsistent_account_name   CPS table 8
│   └── InconsistentSubscriber      inconsistent_subscriber     CPS table 8
├── CardRevoked                     card_revoked                RFC 5280 section 5
├── RevocationUnknown               revocation_unknown          RFC 5280 section 6.3
├── WeakKey                         weak_key                    CPS table 8
├── UnknownAlgorithm                unknown_algorithm           RFC 7518 section 3.1
├── WrongAlgorithm                  wrong_algorithm             RFC 7518 sections 3.3 to 3.5
├── MalformedEncoding               malformed_encoding          RFC 4648 section 4
└── BadSignature                    bad_signature               RFC 7518 sections 3.3 to 3.5
"""

from pairing_server.errors import Refusal


class CardRefused(Refusal):
    """The card, or what was signed with it, is not believed."""

    status = 422


class MalformedCertificate(CardRefused):
    """The bytes are no certificate, or more of them than a card holds."""

    code = "malformed_certificate"
    description = (
        "The card could not be read. Take it out, put it back and try again; if it happens "
        "again, ask your IT department to update the card software."
    )


class CardNotYetValid(CardRefused):
    """The time is before notBefore (RFC 5280 section 4.1.2.5)."""

    code = "card_not_yet_valid"
    description = (
        "Your UZI card is not valid yet. Try again from the date on which it becomes valid."
    )


class CardExpired(CardRefused):
    """The time is after notAfter (RFC 5280 section 4.1.2.5)."""

    code = "card_expired"
    description = (
        "Your UZI card has expired. Use your new card, or order one from the UZI-register."
    )


class UntrustedPath(CardRefused):
    """No path to an anchor keeps all rules; the nurse hears the same, a help desk the code."""

    description = (
        "This card was not issued by an authority that this server accepts. Use your own UZI "
        "card; if this is your UZI card, ask your IT department for help."
    )


class UnknownIssuer(UntrustedPath):
    """The issuer's name is not one of the UZI-register's (CPS tables 7 and 8)."""

    code = "unknown_issuer"


class UntrustedIssuer(UntrustedPath):
    """No signatures lead from the certificate to an anchor (RFC 5280 section 6.1.3 (a)(1))."""

    code = "untrusted_issuer"


class AuthorityNotValid(UntrustedPath):
    """An authority's certificate is not valid at that time (RFC 5280 section 6.1.3 (a)(2))."""

    code = "authority_not_valid"


class NameNotPermitted(UntrustedPath):
    """An authority may not issue for this name (RFC 5280 section 6.1.3 (b) and (c))."""

    code = "name_not_permitted"


class PolicyNotAllowed(UntrustedPath):
    """The authorities do not allow the card's policy (RFC 5280 section 6.1.3 (d) to (f))."""

    code = "policy_not_allowed"


class NotAnAuthority(UntrustedPath):
    """An issuer may not sign certificates (RFC 5280 section 6.1.4 (k) and (n))."""

    code = "not_an_authority"


class PathTooLong(UntrustedPath):
    """More authorities stand in the path than one allows (RFC 5280 section 6.1.4 (l), (m))."""

    code = "path_too_long"


class UnknownCriticalExtension(UntrustedPath):
    """A critical extension is not known here (RFC 5280 sections 6.1.4 (o) and 6.1.5 (f))."""

    code = "unknown_critical_extension"


class PurposeNotAllowed(UntrustedPath):
    """An authority may not issue for clientAuth (RFC 5280 section 4.2.1.12, CPS table 8)."""

    code = "purpose_not_allowed"


class PathDisputed(UntrustedPath):
    """One of the two verifiers does not accept what the other accepts."""

    code = "path_disputed"


class AuthorityRevoked(UntrustedPath):
    """An authority of the path is on its issuer's revocation list (RFC 5280 6.1.3 (a)(3))."""

    code = "authority_revoked"


class InconsistentIssuer(CardRefused):
    """The OID CA, the card type and the issuer's name do not name the same product."""

    code = "inconsistent_issuer"
    description = (
        "The card contradicts itself about who issued it. Report this card to the UZI-register."
    )


class CardTypeNotAccepted(CardRefused):
    """The card type is one that does not name a person (CPS section 7.1.4)."""

    code = "card_type_not_accepted"
    description = (
        "This kind of UZI card cannot be used here, because it does not name one person. Use a "
        "zorgverlenerpas or a medewerkerpas op naam."
    )


class ServerCertificate(CardTypeNotAccepted):
    """The card type is S, of a certificate for servers (CPS section 7.1.5)."""

    code = "server_certificate"
    description = (
        "This is the certificate of a server and not of a person. Use a zorgverlenerpas or a "
        "medewerkerpas op naam."
    )


class UnknownCardType(CardTypeNotAccepted):
    """The card type is none of Z, N, M and S (CPS section 7.1.5)."""

    code = "unknown_card_type"
    description = (
        "This kind of UZI card is not known here. Use a zorgverlenerpas or a medewerkerpas op "
        "naam."
    )


class WrongCertificate(CardRefused):
    """The certificate is not the card's authentication certificate (CPS tables 4 and 8)."""

    description = (
        "Another certificate of your card was chosen. Try again and choose the certificate for "
        "authentication (authenticiteit)."
    )


class CertificateOfAuthority(WrongCertificate):
    """The certificate is an authority's, or does not say that it is not (CPS table 8)."""

    code = "wrong_certificate"


class WrongPolicy(WrongCertificate):
    """The certificate policies do not hold the authenticity policy (CPS table 4)."""

    code = "wrong_policy"


class WrongKeyUsage(WrongCertificate):
    """The key usage is not digitalSignature alone (CPS table 8)."""

    code = "wrong_key_usage"


class WrongExtendedKeyUsage(WrongCertificate):
    """The extended key usage does not hold clientAuth (CPS table 8)."""

    code = "wrong_extended_key_usage"


class UnreadableCard(CardRefused):
    """The certificate does not say what a UZI card says, or in another form."""

    description = (
        "The data on this card are not those of a UZI card. Use your UZI card; if this is your "
        "UZI card, report it to the UZI-register."
    )


class MissingCardName(UnreadableCard):
    """There is no subjectAltName otherName 2.5.5.5 (CPS section 7.1.5)."""

    code = "missing_card_name"


class DoubledCardName(UnreadableCard):
    """There is more than one subjectAltName otherName 2.5.5.5 (CPS section 7.1.5)."""

    code = "doubled_card_name"


class WrongCardNameType(UnreadableCard):
    """The otherName 2.5.5.5 is not one IA5String in DER (CPS table 10)."""

    code = "wrong_card_name_type"


class MalformedCardName(UnreadableCard):
    """The otherName 2.5.5.5 is not in the layout of CPS tables 10 and 11."""

    code = "malformed_card_name"


class MalformedUziNumber(UnreadableCard):
    """The UZI number is not nine digits (CPS tables 10 and 11)."""

    code = "malformed_uzi_number"


class MissingAccountName(UnreadableCard):
    """There is no Microsoft UPN, which the hierarchy's cards have (CPS table 8)."""

    code = "missing_account_name"


class DoubledAccountName(UnreadableCard):
    """There is more than one Microsoft UPN (CPS table 8)."""

    code = "doubled_account_name"


class MalformedAccountName(UnreadableCard):
    """The Microsoft UPN is no UTF8String of a UZI number, @ and a URA (CPS table 8)."""

    code = "malformed_account_name"


class MalformedSubject(UnreadableCard):
    """A subject attribute is missing, doubled, empty or not printable (CPS table 7)."""

    code = "malformed_subject"


class InconsistentCard(CardRefused):
    """Two places of the certificate name two holders."""

    description = (
        "The card contradicts itself about whose it is. Do not use it, and report it to the "
        "UZI-register."
    )


class InconsistentSubject(InconsistentCard):
    """The subject's serialNumber is not the UZI number of the otherName (CPS table 7)."""

    code = "inconsistent_subject"


class InconsistentAccountName(InconsistentCard):
    """The UPN's UZI number is not that of the otherName (CPS table 8)."""

    code = "inconsistent_account_name"


class InconsistentSubscriber(InconsistentCard):
    """The UPN's subscriber number (URA) is not that of the otherName (CPS table 8)."""

    code = "inconsistent_subscriber"


class CardRevoked(CardRefused):
    """The issuer's list names it, or its OCSP responder says so (RFC 5280 section 5)."""

    code = "card_revoked"
    description = (
        "Your UZI card has been revoked. Use your new card, or ask the UZI-register why it was "
        "revoked."
    )


class RevocationUnknown(CardRefused):
    """Neither OCSP nor a fresh list tells that it still holds (RFC 5280 section 6.3)."""

    code = "revocation_unknown"
    description = (
        "It cannot be checked just now whether your card has been revoked. Try again in a few "
        "minutes; if it happens again, ask your IT department for help."
    )


class WeakKey(CardRefused):
    """The card's key is too short, too long or of a kind that is not accepted."""

    code = "weak_key"
    description = "The key on this card is not accepted. Order a new card from the UZI-register."


class UnknownAlgorithm(CardRefused):
    """The signature algorithm is none of the nine (RFC 7518 section 3.1)."""

    code = "unknown_algorithm"
    description = (
        "The card software signed in a way that this server does not know. Ask your IT "
        "department to update the card software."
    )


class WrongAlgorithm(CardRefused):
    """The signature algorithm does not belong to the card's key (RFC 7518 section 3)."""

    code = "wrong_algorithm"
    description = (
        "The card software signed in a way that does not fit your card. Ask your IT department "
        "to update the card software."
    )


class MalformedEncoding(CardRefused):
    """The text is not padded standard base64 (RFC 4648 section 4)."""

    code = "malformed_encoding"
    description = (
        "The card software sent something that cannot be read. Ask your IT department to update "
        "the card software."
    )


class BadSignature(CardRefused):
    """The signature was not made over these bytes with the card's key."""

    code = "bad_signature"
    description = (
        "The proof with your card is not valid for this page. Go back to the page, start again "
        "and put the same card in the reader."
    )
