"""What an administrator, or their program, can be refused for."""

from datetime import timedelta

from pairing_server.errors import Conflict, NotFound, Refusal, TooManyRequests


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


class LessAskedAlready(Conflict):
    """A second administrator was asked to want two for fewer acts, and has not answered."""

    code = "less_asked_already"
    description = (
        "A colleague was asked already to want two for fewer acts: do or withdraw that on the "
        "overview first."
    )


class ExportsRun(TooManyRequests):
    """An export of the log reads chains from end to end: each actor makes a few at a time."""

    description = "Your last exports of the log still run: wait until they are there."
    retry_after = timedelta(minutes=1)


class NoSuchOrganisation(NotFound):
    """Nobody administers that organisation here."""

    code = "unknown_organisation"
    description = "No organisation with this URA number is registered here: check the number."


class LoginNotFound(NotFound):
    """The answer belongs to no login that this browser began, or to one that is over."""

    description = "This login is over, or it was begun in another browser: log in again."


class LoginRefused(Refusal):
    """The person said no, or what they logged in with was cut off meanwhile."""

    code = "access_denied"
    status = 403
    description = (
        "You were not logged in: log in again, or ask a colleague if your phone is blocked."
    )


class WeakKey(Refusal):
    """The key earns less than who administers needs (RFC 9470 section 3)."""

    code = "unmet_authentication_requirements"
    status = 403
    description = (
        "This phone's key is not strong enough to administer with: log in with your card."
    )


class AnotherPerson(Forbidden):
    """Who confirmed is not who is logged in."""

    code = "another_person"
    description = "Somebody else confirmed this: confirm it with your own phone or card."
