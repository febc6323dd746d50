"""What a change to the people of an organisation can be refused for."""

from pairing_server.errors import Conflict, InvalidRequest, TooManyRequests


class InvalidField(InvalidRequest):
    """A field is not right; the member `field` names it."""

    code = "invalid_field"


class LastAdministrator(Conflict):
    """An organisation always keeps an administrator who stays."""

    code = "last_administrator"
    description = (
        "This is the last administrator without an end date: appoint another one first, then do "
        "this."
    )


class NotLinked(Conflict):
    """The membership is over, or its time has not come."""

    code = "not_linked"
    description = "This person is not linked to your organisation now: link them again first."


class GuestMustAccept(Conflict):
    """A guest's membership begins with their own yes."""

    code = "guest_must_accept"
    description = (
        "This guest's time is over: offer them a new one by their UZI number; it begins when "
        "they accept it."
    )


class AskedFirst(Conflict):
    """Who works for others by now does not begin again without their own yes."""

    code = "asked_first"
    description = (
        "This person is asked first: offer them a membership by their UZI number; it begins when "
        "they accept it."
    )


class NameIsOfTheCard(Conflict):
    """Who has shown a card is called as it says."""

    code = "name_is_of_the_card"
    description = (
        "This name comes from the person's UZI card: they register once more at the portal with "
        "their new card, and everything stays theirs."
    )


class NotRegisteredYet(Conflict):
    """Nobody has proved to be the person of this record."""

    code = "not_registered_yet"
    description = (
        "Nobody has registered with this record yet: let the person register with their card, or "
        "register them with an identity document first."
    )


class AlreadyLinked(Conflict):
    """The person works there already."""

    code = "already_linked"
    description = "This person is linked to your organisation already: change what is there."


class GuestIsAsked(Conflict):
    """A guest is asked by their number, and does not come by a record that others make."""

    code = "guest_is_asked"
    description = "Ask a guest by their UZI number: their membership begins when they accept it."


class KnownHere(Conflict):
    """The organisation has a record of this person; the member `person_id` names it."""

    code = "known_here"
    description = "Your organisation has a record of this person: go on with that one."


class NotMerged(Conflict):
    """Two records cannot be one person's, or are not this organisation's to merge."""

    code = "not_merged"
    description = "These two records cannot be merged."

    def __init__(self, description: str) -> None:
        super().__init__()
        self.description = description


class TooManyWrongDates(TooManyRequests):
    """One administrator tried too many dates of birth that are not a person's."""

    description = (
        "A date of birth that does not fit was given too often. Wait an hour, and look at the "
        "person's identity document."
    )


class ChangedSinceShown(Conflict):
    """What was looked at is not what is there now."""

    code = "changed_since_shown"
    description = "Something was changed since you looked: look once more, then apply it."
