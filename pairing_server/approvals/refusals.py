"""What an answer to an auth request can be refused for."""

from datetime import timedelta

from pairing_server.errors import Conflict, NotFound, Refusal, TooManyRequests


class WrongCode(Refusal):
    """The code typed on the phone is not the one that the workstation shows."""

    code = "wrong_code"
    status = 422
    description = "That is not the code on the workstation's screen: look again and type it."


class AuthRequestClosed(Conflict):
    """The auth request is over or was answered otherwise."""

    code = "auth_request_closed"
    description = "This request is no longer open: start again at the workstation."


class TooManyOpen(Refusal):
    """The person has as many requests of this client open as may be (CIBA Core section 13)."""

    code = "access_denied"
    status = 403
    description = "Too many requests are open on this person's phone: have one answered first."


class NotKnownThere(Refusal):
    """Who scanned is nobody at the organisation that asks; which one that is they are not told."""

    code = "not_known_there"
    status = 403
    description = (
        "You are not registered with the organisation of this workstation: "
        "ask its administrator to add you."
    )


class RoleNotOffered(Refusal):
    """The phone answers in a role that the request does not offer."""

    code = "role_not_offered"
    status = 400
    description = "Send the role_code of one of the roles that the request offers, or none."


class WorkstationNotKnown(Refusal):
    """The client takes a phone's yes only where its person has logged in before."""

    code = "workstation_not_known"
    status = 403
    description = (
        "You have not logged in at this workstation before: log in there with your UZI card once, "
        "or go to one that knows you."
    )


class UnknownUserCode(NotFound):
    """The code leads nowhere, or to a request that is another person's or over."""

    description = (
        "No workstation that takes typed codes shows this code now: "
        "type what it shows, or scan its QR code."
    )


class TooManyUserCodes(TooManyRequests):
    """The person tried as many codes as may be (RFC 8628 section 5.1)."""

    description = "Too many codes were tried: scan the QR code, or try again in ten minutes."
    retry_after = timedelta(minutes=10)
