"""How a person's phones are told to who administers."""

from datetime import datetime, timedelta
from typing import Any

from admin.access import Scope
from admin.loss import Answer
from admin.phone_record import SeenPerson, SeenPhone
from admin.words import ACTS
from pairing_server.keys.status import can_unblock
from pairing_server.languages import N_, Language
from pairing_server.registry.credentials import CredentialStatus
from pairing_server.registry.phone_uses import PhoneUse
from pairing_server.uzi.roles import role_name

#: So long what was done last is said at the top of the page.
JUST_NOW = timedelta(minutes=1)
#: A key that ended is shown among the others for so long: its holder pairs again.
LATELY = timedelta(days=1)
#: Uses that stand open; who wants more looks in the log.
SHOWN = 8

STATUS = {
    CredentialStatus.ACTIVE: N_("Works"),
    CredentialStatus.BLOCKED: N_("Blocked"),
    CredentialStatus.REVOKED: N_("Revoked"),
}
#: What follows from an answer, for who decides.
ANSWERS = {
    Answer.USED: N_("Used after the loss: somebody logged in with it. Revoke it."),
    Answer.TOUCHED: N_(
        "In use after the loss, but nothing was opened with it. Block it, and ask its holder."
    ),
    Answer.NOT_USED: N_("Not used after the loss. Block it; when it is found, unblock it."),
}
#: What a record tells of what was done.
DONE = {
    "AuthenticatorBlocked": N_("Blocked at all organisations"),
    "AuthenticatorUnblocked": N_("Unblocked, on the phone itself"),
    "AuthenticatorRevoked": N_("Revoked for good"),
    "UnblockingOffered": N_("Drew a code to unblock"),
    "ActAsked": N_("Asked a second administrator"),
    "ActWithdrawn": N_("Withdrew what was asked for"),
    "CloneSuspected": N_("Blocked: there may be a copy of its key"),
    "PhoneUseViewed": N_("Looked at the last use"),
}
_DONE = {
    CredentialStatus.BLOCKED: N_("%(phone)s is blocked: it opens nothing, at any organisation."),
    CredentialStatus.REVOKED: N_("%(phone)s is revoked, for good. Its holder pairs a phone anew."),
    CredentialStatus.ACTIVE: N_("%(phone)s works again."),
}
_USES = {
    "AuthRequestApproved": N_("Logged in"),
    "AuthRequestDenied": N_("Declined a login"),
    "AuthenticatorBound": N_("Let another phone be paired"),
    "AuthenticatorBlocked": N_("Blocked a phone"),
    "AuthenticatorUnblocked": N_("Was unblocked by its holder"),
    "AuthenticatorRevoked": N_("Revoked a phone"),
    "PhoneRenamed": N_("Named a phone"),
    "DefaultPhoneChosen": N_("Chose the first phone"),
    "DeviceTokenReplaced": N_("The app was opened"),
    "PushAddressChanged": N_("The app was opened"),
}


def person_context(seen: SeenPerson, ura: str, language: Language) -> dict[str, Any]:
    """Return what the page of a person shows.

    Args:
        ura: For which organisation: what its people do elsewhere is told without the place.
    """
    phones = [_phone(each, ura, seen.at, at) for at, each in enumerate(seen.phones, 1)]
    return {
        "person": seen.person,
        "person_role": role_name(seen.membership.role_code, language),
        "membership": seen.membership,
        "phones": [each for each in phones if not each["is_past"]],
        "past": [each for each in phones if each["is_past"]],
        "acts_words": {act.value: words for act, words in ACTS.items()},
        "done_words": DONE,
        "just_done": [each["just_done"] for each in phones if each["just_done"]],
    }


def _phone(seen: SeenPhone, ura: str, now: datetime, at: int) -> dict[str, Any]:
    phone = seen.credential
    is_revoked = phone.status is CredentialStatus.REVOKED
    status_age = None if phone.status_at is None else now - phone.status_at
    is_just = status_age is not None and status_age <= JUST_NOW
    is_here = phone.last_used_ura in {ura, None}
    place = (phone.last_used_workstation, phone.last_used_location) if is_here else ()
    return {
        "at": at,
        "id": phone.id,
        "name": phone.device_name,
        "device": f"{phone.platform} {phone.model}".strip(),
        "status": phone.status.value,
        "is_expired": phone.status is CredentialStatus.ACTIVE and not phone.is_active(now),
        "words": STATUS[phone.status],
        "since": phone.status_at,
        "bound_at": phone.bound_at,
        "bound_for": seen.bound_for,
        "expires_at": phone.expires_at,
        "used_at": phone.last_used_at,
        "used_where": " · ".join(filter(None, (*place, seen.used_at_organisation))),
        "is_ours": ura in seen.target.within(Scope.OWN),
        "can_unblock": can_unblock(phone) and ura in seen.target.within(Scope.OWN_OR_BLOCKED),
        "is_copied": phone.status is CredentialStatus.BLOCKED and not can_unblock(phone),
        "answer": seen.judged and seen.judged.answer.value,
        "answer_words": ANSWERS[seen.judged.answer] if seen.judged else "",
        "uses": [_use(use, ura) for use in seen.uses[:SHOWN]],
        "more": max(0, len(seen.uses) - SHOWN),
        "pending": seen.pending,
        "is_past": is_revoked and (status_age is None or status_age > LATELY),
        "just_done": (_DONE[phone.status], phone.device_name) if is_just else None,
    }


def _use(use: PhoneUse, ura: str) -> dict[str, Any]:
    is_here = use.ura in {ura, None}
    where = (use.workstation, use.location, use.client) if is_here else (use.organisation,)
    return {
        "at": use.at,
        "what": _USES[use.action],
        "where": " · ".join(filter(None, where)),
        "is_elsewhere": not is_here,
        "is_login": use.is_login,
    }
