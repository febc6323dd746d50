"""Every kind of event, as people read it and as NEN 7513 classes it.

The one table: an event without a row here fails the tests.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pairing_server.languages import N_, Language, translate


class Group(StrEnum):
    """Under which heading a kind is chosen."""

    LOGINS = "logins"
    PHONES = "phones"
    PEOPLE = "people"
    CARDS = "cards"
    ORGANISATION = "organisation"
    LOG = "log"
    SERVER = "server"


#: The headings, in the order in which they are offered.
GROUPS = {
    Group.LOGINS: N_("Logins"),
    Group.PHONES: N_("Phones"),
    Group.PEOPLE: N_("People"),
    Group.CARDS: N_("Cards"),
    Group.ORGANISATION: N_("Organisation"),
    Group.LOG: N_("The log itself"),
    Group.SERVER: N_("Server"),
}


class EventType(StrEnum):
    """NEN 7513 eventTypeCode, by the codes of DICOM PS3.16 (DCM), on which NEN 7513 builds."""

    APPLICATION_START = "110120"
    AUDIT_LOG_USED = "110101"
    EXPORT = "110106"
    IMPORT = "110107"
    LOGIN = "110122"
    LOGOUT = "110123"
    USER_AUTHENTICATION = "110114"
    SECURITY_ALERT = "110113"
    SECURITY_CONFIGURATION = "110129"
    SECURITY_ROLES_CHANGED = "110136"
    USER_SECURITY_ATTRIBUTES_CHANGED = "110137"


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of event.

    Attributes:
        words: What happened, in English.
        variants: Other words, by the `reason` in the evidence or by a member that is in it.
    """

    words: str
    group: Group
    event_type: EventType
    variants: Mapping[str, str] | None = None


_BOUND = {
    "renewal": N_("The key of a phone was renewed"),
    "transfer": N_("A phone was paired by approval on another phone"),
}
_DENIED = {
    "not_me": N_("A login was declined and reported: not me"),
    "wrong_code": N_("A login ended after three wrong codes"),
}

KINDS: dict[str, Kind] = {
    "AuthRequestApproved": Kind(
        N_("A login was approved on the phone"), Group.LOGINS, EventType.LOGIN
    ),
    "AuthRequestApprovedByCard": Kind(
        N_("Somebody logged in with a UZI card"), Group.LOGINS, EventType.LOGIN
    ),
    "AuthRequestDenied": Kind(
        N_("A login was declined"), Group.LOGINS, EventType.USER_AUTHENTICATION, _DENIED
    ),
    "AssertionIssued": Kind(
        N_("The workstation received the login"), Group.LOGINS, EventType.USER_AUTHENTICATION
    ),
    "AssertionRefused": Kind(
        N_("An approved login was not given out: something had changed"),
        Group.LOGINS,
        EventType.SECURITY_ALERT,
    ),
    "SessionLoggedOut": Kind(N_("Somebody logged out"), Group.LOGINS, EventType.LOGOUT),
    "SessionEnded": Kind(
        N_("A session was ended, and the workstation was told"), Group.LOGINS, EventType.LOGOUT
    ),
    "LogoutNotTold": Kind(
        N_("A workstation could not be told that a session was over"),
        Group.LOGINS,
        EventType.SECURITY_ALERT,
    ),
    "CodeReused": Kind(
        N_("A login code was used twice; the login was taken back"),
        Group.LOGINS,
        EventType.SECURITY_ALERT,
    ),
    "AdministratorLoggedIn": Kind(N_("An administrator logged in"), Group.LOGINS, EventType.LOGIN),
    "AdministratorRefused": Kind(
        N_("Somebody who may not was refused as administrator"),
        Group.LOGINS,
        EventType.SECURITY_ALERT,
    ),
    "AdministratorLoggedOut": Kind(
        N_("An administrator logged out"), Group.LOGINS, EventType.LOGOUT
    ),
    "WorkstationFirstUsed": Kind(
        N_("Somebody logged in at a workstation where they had not before"),
        Group.LOGINS,
        EventType.LOGIN,
    ),
    "PushClosed": Kind(
        N_("A workstation may not wake the phone any more"),
        Group.LOGINS,
        EventType.SECURITY_CONFIGURATION,
    ),
    "PushOpened": Kind(
        N_("A workstation may wake the phone again"),
        Group.LOGINS,
        EventType.SECURITY_CONFIGURATION,
    ),
    "AuthenticatorBound": Kind(
        N_("A phone was paired"),
        Group.PHONES,
        EventType.USER_SECURITY_ATTRIBUTES_CHANGED,
        _BOUND,
    ),
    "AuthenticatorBlocked": Kind(
        N_("A phone was blocked"), Group.PHONES, EventType.USER_SECURITY_ATTRIBUTES_CHANGED
    ),
    "AuthenticatorUnblocked": Kind(
        N_("A phone was unblocked"), Group.PHONES, EventType.USER_SECURITY_ATTRIBUTES_CHANGED
    ),
    "AuthenticatorRevoked": Kind(
        N_("The key of a phone was ended for good"),
        Group.PHONES,
        EventType.USER_SECURITY_ATTRIBUTES_CHANGED,
        {"replaced": N_("The key of a phone was ended: another one took its place")},
    ),
    "CloneSuspected": Kind(
        N_("A phone was blocked: there may be a copy of its key"),
        Group.PHONES,
        EventType.SECURITY_ALERT,
    ),
    "PairingRefused": Kind(
        N_("Pairing a phone was broken off"), Group.PHONES, EventType.SECURITY_ALERT
    ),
    "TransferRefused": Kind(
        N_("Pairing a new phone was refused on the old one"),
        Group.PHONES,
        EventType.SECURITY_ALERT,
    ),
    "UnblockingOffered": Kind(
        N_("A code to unblock a phone was drawn"),
        Group.PHONES,
        EventType.USER_SECURITY_ATTRIBUTES_CHANGED,
    ),
    "PhoneRenamed": Kind(
        N_("A phone was renamed"), Group.PHONES, EventType.USER_SECURITY_ATTRIBUTES_CHANGED
    ),
    "DefaultPhoneChosen": Kind(
        N_("The phone that is woken first was chosen"),
        Group.PHONES,
        EventType.USER_SECURITY_ATTRIBUTES_CHANGED,
    ),
    "DeviceTokenReplaced": Kind(
        N_("The app on a phone identified itself anew"),
        Group.PHONES,
        EventType.USER_SECURITY_ATTRIBUTES_CHANGED,
    ),
    "PushAddressChanged": Kind(
        N_("The address at which a phone is woken changed"),
        Group.PHONES,
        EventType.USER_SECURITY_ATTRIBUTES_CHANGED,
    ),
    "PersonRegistered": Kind(
        N_("A person was registered"), Group.PEOPLE, EventType.USER_SECURITY_ATTRIBUTES_CHANGED
    ),
    "RegistrationDenied": Kind(
        N_("A card holder said that the record shown is not theirs"),
        Group.PEOPLE,
        EventType.SECURITY_ALERT,
    ),
    "PersonInvited": Kind(
        N_("A person was invited"), Group.PEOPLE, EventType.USER_SECURITY_ATTRIBUTES_CHANGED
    ),
    "PersonRenamed": Kind(
        N_("A person's name was corrected"),
        Group.PEOPLE,
        EventType.USER_SECURITY_ATTRIBUTES_CHANGED,
    ),
    "MembershipOffered": Kind(
        N_("A membership was offered"), Group.PEOPLE, EventType.USER_SECURITY_ATTRIBUTES_CHANGED
    ),
    "MembershipOfferWithdrawn": Kind(
        N_("The offer of a membership was withdrawn"),
        Group.PEOPLE,
        EventType.USER_SECURITY_ATTRIBUTES_CHANGED,
    ),
    "MembershipAccepted": Kind(
        N_("A membership was accepted"), Group.PEOPLE, EventType.USER_SECURITY_ATTRIBUTES_CHANGED
    ),
    "MembershipDeclined": Kind(
        N_("A membership was declined"), Group.PEOPLE, EventType.USER_SECURITY_ATTRIBUTES_CHANGED
    ),
    "MembershipChanged": Kind(
        N_("A membership was changed"), Group.PEOPLE, EventType.USER_SECURITY_ATTRIBUTES_CHANGED
    ),
    "MemberUnlinked": Kind(
        N_("A person was unlinked from the organisation"),
        Group.PEOPLE,
        EventType.USER_SECURITY_ATTRIBUTES_CHANGED,
    ),
    "AdminPolicyChanged": Kind(
        N_("The organisation wants two people for other acts"),
        Group.ORGANISATION,
        EventType.SECURITY_CONFIGURATION,
    ),
    "ActAsked": Kind(
        N_("A second administrator was asked to act"),
        Group.PHONES,
        EventType.USER_SECURITY_ATTRIBUTES_CHANGED,
    ),
    "ActWithdrawn": Kind(
        N_("What a second administrator was asked for was withdrawn"),
        Group.PHONES,
        EventType.USER_SECURITY_ATTRIBUTES_CHANGED,
    ),
    "AdministratorAppointed": Kind(
        N_("An administrator was appointed"), Group.PEOPLE, EventType.SECURITY_ROLES_CHANGED
    ),
    "AdministratorDismissed": Kind(
        N_("An administrator was dismissed"), Group.PEOPLE, EventType.SECURITY_ROLES_CHANGED
    ),
    "PeopleMerged": Kind(
        N_("Two records of one person became one"),
        Group.PEOPLE,
        EventType.USER_SECURITY_ATTRIBUTES_CHANGED,
    ),
    "IdentityChecked": Kind(
        N_("An identity document was checked"),
        Group.PEOPLE,
        EventType.USER_SECURITY_ATTRIBUTES_CHANGED,
    ),
    "RegistrationSeconded": Kind(
        N_("A second administrator decided on a registration"),
        Group.PEOPLE,
        EventType.USER_SECURITY_ATTRIBUTES_CHANGED,
    ),
    "PeopleImported": Kind(N_("A list of people was imported"), Group.PEOPLE, EventType.IMPORT),
    "PeopleExported": Kind(N_("The list of people was exported"), Group.PEOPLE, EventType.EXPORT),
    "CardProved": Kind(N_("A UZI card was proven"), Group.CARDS, EventType.USER_AUTHENTICATION),
    "CardRefused": Kind(N_("A UZI card was refused"), Group.CARDS, EventType.SECURITY_ALERT),
    "OrganisationRegistered": Kind(
        N_("The organisation was registered"),
        Group.ORGANISATION,
        EventType.SECURITY_CONFIGURATION,
    ),
    "KeyPolicyChanged": Kind(
        N_("The rules for phones changed"), Group.ORGANISATION, EventType.SECURITY_CONFIGURATION
    ),
    "NoticeRead": Kind(
        N_("A notice to the organisation was read"),
        Group.ORGANISATION,
        EventType.AUDIT_LOG_USED,
    ),
    "PhoneUseViewed": Kind(
        N_("The last use of phones was looked at"), Group.LOG, EventType.AUDIT_LOG_USED
    ),
    "LogViewed": Kind(N_("The log was looked at"), Group.LOG, EventType.AUDIT_LOG_USED),
    "AuditExported": Kind(N_("The log was exported"), Group.LOG, EventType.EXPORT),
    "AuditPruned": Kind(
        N_("Events older than are kept were deleted"), Group.LOG, EventType.AUDIT_LOG_USED
    ),
    "ServerStarted": Kind(N_("The server started"), Group.SERVER, EventType.APPLICATION_START),
    "ClientRegistered": Kind(
        N_("A system was registered"), Group.SERVER, EventType.SECURITY_CONFIGURATION
    ),
    "StreamCreated": Kind(
        N_("A program is told what happens to phones and sessions"),
        Group.SERVER,
        EventType.SECURITY_CONFIGURATION,
    ),
    "StreamChanged": Kind(
        N_("What a program is told of phones and sessions was changed"),
        Group.SERVER,
        EventType.SECURITY_CONFIGURATION,
    ),
    "StreamPaused": Kind(
        N_("A program did not hear for a day what happened to phones and sessions"),
        Group.SERVER,
        EventType.SECURITY_ALERT,
    ),
    "StreamDeleted": Kind(
        N_("A program is not told any more what happens to phones and sessions"),
        Group.SERVER,
        EventType.SECURITY_CONFIGURATION,
    ),
    "MailAddressChanged": Kind(
        N_("Where somebody is mailed about their phones was changed"),
        Group.PEOPLE,
        EventType.USER_SECURITY_ATTRIBUTES_CHANGED,
    ),
    "ClientChanged": Kind(
        N_("The registration of a system changed"),
        Group.SERVER,
        EventType.SECURITY_CONFIGURATION,
    ),
    "SigningKeyRotated": Kind(
        N_("The server signs with another key"), Group.SERVER, EventType.SECURITY_CONFIGURATION
    ),
}


def told(action: str, evidence: Mapping[str, Any], language: Language) -> str:
    """Say what happened."""
    kind = KINDS.get(action)
    if kind is None:
        # Of a version that knew more; better its name than nothing.
        return action
    reason = evidence.get("reason")
    for by, words in (kind.variants or {}).items():
        if reason == by or by in evidence:
            return translate(language, words)
    return translate(language, kind.words)


def choices(language: Language) -> list[tuple[str, list[tuple[str, str]]]]:
    """Return all kinds under their headings, to choose from."""
    return [
        (
            translate(language, heading),
            [
                (action, translate(language, kind.words))
                for action, kind in KINDS.items()
                if kind.group is group
            ],
        )
        for group, heading in GROUPS.items()
    ]
