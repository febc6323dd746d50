"""How a card holder is told of their phones: what was done just now, and what happened before."""

from datetime import datetime, timedelta

from pairing_server.languages import N_, Language, translate
from pairing_server.phones.overview import EventKind, PastEvent

#: So long what was done last is said at the top of the page.
JUST_NOW = timedelta(minutes=1)
#: So far ahead a page says when a key expires.
SOON = timedelta(days=60)

_DONE = {
    EventKind.BLOCKED: N_("%(phone)s has been blocked: it opens nothing any more."),
    EventKind.UNBLOCKED: N_("%(phone)s works again."),
    EventKind.REVOKED: N_("The key of %(phone)s has ended, for good."),
    EventKind.RENAMED: N_("The phone is now called %(phone)s."),
}
_HAPPENED = {
    EventKind.APPROVED: N_("Login approved"),
    EventKind.DENIED: N_("Login declined"),
    EventKind.WRONG_CODE: N_("Login ended: three wrong codes"),
    EventKind.PAIRED: N_("Phone paired"),
    EventKind.TRANSFERRED: N_("Phone paired by approval on another phone"),
    EventKind.RENEWED: N_("Key renewed"),
    EventKind.BLOCKED: N_("Phone blocked"),
    EventKind.UNBLOCKED: N_("Phone unblocked"),
    EventKind.REVOKED: N_("Key ended"),
    EventKind.TOKEN_REPLACED: N_("The app found its key again"),
    EventKind.RENAMED: N_("Phone renamed"),
    EventKind.DEFAULT_CHANGED: N_("First choice changed"),
}
_NOT_ME = N_("Login declined and reported: not me")


def just_done(events: list[PastEvent], now: datetime, language: Language) -> str:
    """Say what was done last, where that was just now; of the log, so that no link can say it."""
    if not events or now - events[0].at > JUST_NOW:
        return ""
    last = events[0]
    said = _DONE.get(last.kind)
    if said is None or last.credential is None:
        return ""
    return translate(language, said) % {"phone": last.credential.device_name}


def happened(event: PastEvent, language: Language) -> dict[str, object]:
    """Say what happened, when, with which phone, and where."""
    said = _HAPPENED[event.kind]
    if event.kind is EventKind.DENIED and event.reason == "not_me":
        said = _NOT_ME
    shown = event.shown
    return {
        "at": event.at,
        "what": translate(language, said),
        "phone": "" if event.credential is None else event.credential.device_name,
        "place": place(
            shown.get("workstation"),
            shown.get("location"),
            shown.get("organisation"),
            shown.get("client"),
        ),
    }


def place(*parts: str | None) -> str:
    """Join what is known of a place."""
    return " · ".join(part for part in parts if part)


def days_until(moment: datetime, now: datetime) -> int | None:
    """Return in how many days a key expires, where that is soon; the last one counts as one."""
    left = moment - now
    return -(-left // timedelta(days=1)) if timedelta(0) < left <= SOON else None
