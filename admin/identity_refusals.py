"""What a registration by an operator can be refused for."""

from pairing_server.errors import Conflict


class HasCard(Conflict):
    """Who has shown a UZI-pas pairs with it."""

    code = "has_card"
    description = (
        "This person has a UZI card: they pair their phone at the portal with it, or you link "
        "them by their UZI number."
    )


class WrongBirthDate(Conflict):
    """The document is not that of the record's person."""

    code = "wrong_birth_date"
    description = (
        "The record has another date of birth: look at the document again, and choose another "
        "record if it is right."
    )


class CheckNotReady(Conflict):
    """The check waits for a second administrator, was refused, or has been used."""

    code = "check_not_ready"
    description = (
        "No phone can be paired on this check now: wait for the second administrator, or look at "
        "the document once more."
    )


class CheckedByYou(Conflict):
    """Two people are two."""

    code = "checked_by_you"
    description = "You looked at this document yourself: another administrator approves of it."


class CheckedLongAgo(Conflict):
    """The person is not before the operator any more."""

    code = "checked_long_ago"
    description = (
        "This check is older than 12 hours: look at the document again, with the person before "
        "you."
    )


class OtherOperator(Conflict):
    """Who saw the person lets them pair."""

    code = "other_operator"
    description = (
        "Another operator saw this person: they go on, or you look at the document yourself."
    )
