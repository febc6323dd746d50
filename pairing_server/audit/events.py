"""What the audit log can tell, one class an event (NEN 7513; see `docs/glossary.md`).

`actor` and `object` are `kind:identifier`, as in `person:…`, `client:…`, `operator:…`,
`credential:…`.  No event holds a secret, a token or a date of birth.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, ClassVar


class Outcome(StrEnum):
    """NEN 7513 EventOutcomeIndicator."""

    SUCCESS = "success"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One event; its class name is the action.

    Attributes:
        kind: NEN 7513 EventActionCode: Create, Read, Update, Delete, Execute.
        actor: Who did it.
        object: What it was done to.
        ura: The organisation it concerns.
        evidence: What proves it, as JSON values.
    """

    kind: ClassVar[str]

    actor: str
    object: str
    ura: str | None = None
    outcome: Outcome = Outcome.SUCCESS
    evidence: Mapping[str, Any] = field(default_factory=dict)

    @property
    def action(self) -> str:
        """The name of the event."""
        return type(self).__name__


class ServerStarted(Event):
    """A writer took up its chain; the evidence names the heads of all chains."""

    kind = "E"


class OrganisationRegistered(Event):
    """An organisation was registered by a card holder or an operator."""

    kind = "C"


class PersonRegistered(Event):
    """A person was registered, or a card's facts taken over; the evidence is what was signed."""

    kind = "C"


class RegistrationDenied(Event):
    """A card holder said that the record shown is not theirs; the evidence is their login."""

    kind = "E"


class PersonInvited(Event):
    """A record was made of somebody who is to come with a card, or by option 2B."""

    kind = "C"


class PersonRenamed(Event):
    """An organisation corrected the name of somebody who has shown no card."""

    kind = "U"


class MembershipOffered(Event):
    """An organisation offered a membership to whoever has a UZI number."""

    kind = "C"


class MembershipOfferWithdrawn(Event):
    """An organisation took back what it had offered."""

    kind = "D"


class MembershipAccepted(Event):
    """A person accepted a membership, which begins; the evidence is what they said it with."""

    kind = "C"


class MembershipDeclined(Event):
    """A person declined a membership; the evidence is what they said it with."""

    kind = "E"


class MembershipChanged(Event):
    """Roles, kind or end of a membership are others; the evidence is what was and what is."""

    kind = "U"


class MemberUnlinked(Event):
    """A membership was ended; the person's phones stay theirs."""

    kind = "D"


class AdministratorAppointed(Event):
    """A person manages an organisation from now on; the evidence says as what."""

    kind = "U"


class AdministratorDismissed(Event):
    """A person does not manage an organisation any more."""

    kind = "U"


class PeopleMerged(Event):
    """Two records of one person became one; the evidence is all that both of them were."""

    kind = "U"


class IdentityChecked(Event):
    """An operator saw a person with an identity document (option 2B)."""

    kind = "C"


class RegistrationSeconded(Event):
    """A second administrator approved of a registration by an operator, or refused it."""

    kind = "E"


class PeopleImported(Event):
    """A list of people was taken over; what became of each stands in events of its own."""

    kind = "E"


class PeopleExported(Event):
    """The list of an organisation's people was read out."""

    kind = "R"


class NoticeRead(Event):
    """An administrator marked as read what their organisation was told."""

    kind = "U"


class CardProved(Event):
    """A UZI-pas was proven, in a UZI session or by mutual TLS."""

    kind = "E"


class CardRefused(Event):
    """A UZI-pas was shown whose holder had the key, and a rule refused it."""

    kind = "E"


class ClientRegistered(Event):
    """A client was registered; the evidence is all that it was registered with."""

    kind = "C"


class ClientChanged(Event):
    """A client is something else from now on; the evidence is all that it is registered with."""

    kind = "U"


class AuthenticatorBound(Event):
    """A phone's key was bound to a person (NIST SP 800-63B, binding)."""

    kind = "C"


class PairingRefused(Event):
    """A pairing ended on wrong check numbers or at the phone."""

    kind = "E"


class AuthenticatorBlocked(Event):
    """A phone was blocked: it opens nothing until it is unblocked."""

    kind = "U"


class AuthenticatorUnblocked(Event):
    """A blocked phone was unblocked."""

    kind = "U"


class AuthenticatorRevoked(Event):
    """A phone's key was revoked for good, by an operator or by its holder."""

    kind = "D"


class CloneSuspected(Event):
    """A key signed with a count that did not grow, and was blocked: there may be a copy of it."""

    kind = "U"


class PhoneRenamed(Event):
    """A person calls a phone otherwise; the evidence is what was signed, which names it."""

    kind = "U"


class MailAddressChanged(Event):
    """A person is mailed elsewhere about their phones, or not any more; never whereto."""

    kind = "U"


class DefaultPhoneChosen(Event):
    """A person chose the phone that is woken; the evidence is what was signed."""

    kind = "U"


class UnblockingOffered(Event):
    """An administrator drew a code with which a blocked phone can be unblocked by its holder."""

    kind = "E"


class TransferRefused(Event):
    """A transfer to a new phone was denied, or ended on wrong codes."""

    kind = "E"


class KeyPolicyChanged(Event):
    """An organisation takes other keys from now on; the evidence is the policy."""

    kind = "U"


class DeviceTokenReplaced(Event):
    """A phone's device token was replaced: by rotation, or by its key for one that was lost."""

    kind = "U"


class PushAddressChanged(Event):
    """A phone is woken elsewhere from now on; the evidence names the service alone."""

    kind = "U"


class AuthRequestApproved(Event):
    """A person approved an auth request; the evidence is what the phone signed."""

    kind = "E"


class AuthRequestApprovedByCard(Event):
    """A person logged in with a UZI card at the login page; the evidence is what it signed."""

    kind = "E"


class AuthRequestDenied(Event):
    """A person denied an auth request, or typed three wrong codes."""

    kind = "E"


class WorkstationFirstUsed(Event):
    """A person logged in where they had not before, though elsewhere; the evidence names it."""

    kind = "E"


class PushClosed(Event):
    """A workstation wakes a person no more, who said "not me" there; the evidence names it."""

    kind = "U"


class PushOpened(Event):
    """A workstation may wake a person again, who wants it to; the evidence names it."""

    kind = "U"


class AssertionIssued(Event):
    """An ID token was issued to a client."""

    kind = "E"


class AssertionRefused(Event):
    """An approved request was not redeemed, for what had changed in between."""

    kind = "E"


class SessionEnded(Event):
    """A session at a client was ended by what it rests on; the client is told."""

    kind = "D"


class LogoutNotTold(Event):
    """A client did not hear for a day that a session was over, and is not told any more."""

    kind = "E"


class SessionLoggedOut(Event):
    """A person logged out at a client."""

    kind = "D"


class StreamCreated(Event):
    """A client is told from now on what happens to its organisations' people (SSF)."""

    kind = "C"


class StreamChanged(Event):
    """A client is told otherwise, or not for now; the evidence is how."""

    kind = "U"


class StreamPaused(Event):
    """A client did not hear for a day what happened, and is not told until it asks to be."""

    kind = "U"


class StreamDeleted(Event):
    """A client is told no more what happens."""

    kind = "D"


class CodeReused(Event):
    """An authorization code was shown twice; what it gave was taken back."""

    kind = "D"


class SigningKeyRotated(Event):
    """The next signing key became the current one."""

    kind = "U"


class LogViewed(Event):
    """Somebody looked at an organisation's log; the evidence is what was looked for.

    `person` in it is whose events were looked for, so that they find it among theirs.
    """

    kind = "R"


class AuditPruned(Event):
    """Events older than are kept were deleted; the evidence says how many, and up to which."""

    kind = "D"


class AuditExported(Event):
    """The audit log was read out."""

    kind = "R"
