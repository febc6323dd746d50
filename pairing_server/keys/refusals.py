"""What a key can be refused for."""

from pairing_server.errors import Conflict, InvalidRequest, Refusal, Unauthenticated


class InvalidCredential(InvalidRequest):
    """The new key's registration does not verify (WebAuthn Level 3 section 7.1)."""

    code = "invalid_credential"
    description = "The key that the phone made does not verify: scan a new QR code."


class AttestationNotAccepted(InvalidCredential):
    """The attestation is of a format, or leads to a root, that the policy does not accept."""

    code = "attestation_not_accepted"
    description = "This kind of key is not accepted here: use the app, or ask your administrator."


class CredentialExists(InvalidCredential):
    """The credential id is bound already (WebAuthn Level 3 section 7.1 step 26)."""

    code = "credential_exists"
    description = "This key is bound already: make a new one by scanning a new QR code."


class InvalidAssertion(InvalidRequest):
    """The assertion does not verify (WebAuthn Level 3 section 7.2)."""

    code = "invalid_assertion"
    description = (
        "The signature does not fit what was asked: show the request again and sign that."
    )


class SignCountRegressed(InvalidAssertion):
    """The key did sign, with a count that does not grow: there may be two of it.

    WebAuthn Level 3 section 7.2 step 22 and section 6.1.1.  What raises this has verified the
    signature, so that nobody who does not hold the key, or a copy of it, can bring it about.

    Attributes:
        behind: By how much it is less than the one that is known.
    """

    def __init__(self, behind: int) -> None:
        super().__init__(None, "sign count did not grow")
        self.behind = behind


class TooManyPhones(Conflict):
    """The person has as many phones as the organisation lets them have."""

    code = "too_many_phones"
    description = "You have as many phones as you may: remove one of them first."


class NotUnblocked(Conflict):
    """The phone is not blocked, or was blocked because its key may have been copied."""

    code = "not_unblocked"
    description = "This phone cannot be unblocked: pair it again, with a new key."


class PhoneExpired(Refusal):
    """The phone's key is older than a key may become; its bearer knows it from this answer."""

    code = "phone_expired"
    status = 403
    description = "This phone's key has expired: pair it again with your UZI card."


class KeyNotAccepted(Refusal):
    """The organisation does not take a login with such a key."""

    code = "key_not_accepted"
    status = 403
    description = "This organisation does not accept this phone: ask its administrator."


class KeyOfAnotherOrganisation(KeyNotAccepted):
    """An operator bound the key, which opens that operator's organisation alone (option 2B)."""

    description = (
        "This phone was paired without a UZI card, and opens one organisation alone: pair it "
        "again with your card to do this."
    )


class PhoneBlocked(Refusal):
    """The phone is blocked; its bearer knows it from this answer."""

    code = "phone_blocked"
    status = 403
    description = (
        "This phone is blocked. Unblock it at the portal with your UZI card, or ask your "
        "administrator."
    )


class MalformedDeviceToken(Unauthenticated):
    """The device token cannot have been drawn as one is (RFC 6750 section 3.1)."""

    description = "A device token is 32 random bytes in base64url: draw one."
