"""What an administrator, or their program, can be refused for."""

from pairing_server.errors import Conflict, Refusal


class Forbidden(Refusal):
    """The actor's role does not allow the act, whatever it is done to."""

    code = "forbidden"
    status = 403
    description = "Your role does not allow this: ask an administrator of your organisation."


class NotYours(Forbidden):
    """Only the organisation that bound the key, or that settles this, may do so."""

    description = (
        "Another organisation bound this phone, and it or its holder decides: you can block it, "
        "or unlink the person."
    )


class FreshApprovalNeeded(Refusal):
    """The newest approval is too old for what is to be done (RFC 9470 section 3)."""

    code = "insufficient_user_authentication"
    status = 401
    description = "Confirm this with your phone or card first, then do it within five minutes."


class SecondNeeded(Conflict):
    """By the organisation's policy another administrator does this after you asked for it."""

    code = "second_needed"
    description = "Your organisation wants two for this: ask for it, and a colleague does it."
