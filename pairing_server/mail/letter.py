"""Rules of a mail about a phone: what it says, in both languages, and what it never says.

A mail is read by who runs the mail server.  It names the person's own phone and what happened to
it: no workstation, no organisation, no number, and no link but to the portal's first page.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from html import escape

from babel.dates import format_datetime as say_datetime

from pairing_server.languages import N_, Language, translate
from pairing_server.registry.phone_notices import PhoneNotice, PhoneNoticeKind
from pairing_server.tokens import digest

#: What language a person has is not known: both are there, the one of most people first.
LANGUAGES = (Language.NL, Language.EN)

_SUBJECTS: Mapping[PhoneNoticeKind, str] = {
    PhoneNoticeKind.ADDED: N_("A phone was added"),
    PhoneNoticeKind.REPLACED: N_("A phone took the place of another one"),
    PhoneNoticeKind.RENEWED: N_("A phone's key was renewed"),
    PhoneNoticeKind.BLOCKED: N_("A phone was blocked"),
    PhoneNoticeKind.UNBLOCKED: N_("A phone was unblocked"),
    PhoneNoticeKind.REVOKED: N_("A phone was revoked"),
    PhoneNoticeKind.TOKEN_REPLACED: N_("A phone's app was set up anew"),
    PhoneNoticeKind.SIGN_COUNT: N_("A phone was blocked for safety"),
    PhoneNoticeKind.EXPIRING: N_("A phone's key expires soon"),
    PhoneNoticeKind.EXPIRED: N_("A phone's key has expired"),
}
_SAID: Mapping[PhoneNoticeKind, str] = {
    PhoneNoticeKind.ADDED: N_("%(phone)s can log in as you from now on."),
    PhoneNoticeKind.REPLACED: N_("%(phone)s can log in as you from now on; you approved it."),
    PhoneNoticeKind.RENEWED: N_("%(phone)s has a new key and goes on working."),
    PhoneNoticeKind.BLOCKED: N_("%(phone)s opens nothing until it is unblocked."),
    PhoneNoticeKind.UNBLOCKED: N_("%(phone)s works again."),
    PhoneNoticeKind.REVOKED: N_("%(phone)s opens nothing any more, for good."),
    PhoneNoticeKind.TOKEN_REPLACED: N_("The app on %(phone)s was set up anew with its own key."),
    PhoneNoticeKind.SIGN_COUNT: N_(
        "There may be a copy of the key of %(phone)s: it opens nothing any more."
    ),
    PhoneNoticeKind.EXPIRING: N_(
        "%(phone)s stops working in %(days)s days: renew its key in the app before that."
    ),
    PhoneNoticeKind.EXPIRED: N_("%(phone)s does not work any more: its key has expired."),
}
_BY_TIME = frozenset({PhoneNoticeKind.EXPIRING, PhoneNoticeKind.EXPIRED})
_NOT_ME = N_(
    "Was this not you? Block your phones at %(portal)s or on another phone of yours, and tell "
    "your administrator."
)
#: After which the person has to pair a phone to log in again, if that was their only one.
_ENDS = frozenset({PhoneNoticeKind.REVOKED, PhoneNoticeKind.EXPIRED})
_PAIR = N_(
    "To pair a phone again, open %(portal)s with your UZI card. Without a card your administrator "
    "pairs it together with you."
)
_WHEN = N_("This happened on %(when)s.")
_NO_REPLY = N_("This mail was sent by itself: nobody reads an answer to it.")
_NAMELESS = N_("Your phone")


@dataclass(frozen=True, slots=True)
class Sender:
    """From whom mail is, and where the portal is."""

    address: str
    portal: str


def letter(notice: PhoneNotice, phone: str, address: str, sender: Sender) -> EmailMessage:
    """Return the mail about a notice; the same notice has the same `Message-ID` each time.

    Args:
        phone: What its holder calls it, or its model.
    """
    message = EmailMessage(policy=SMTP)
    subjects = [translate(language, _SUBJECTS[notice.kind]) for language in LANGUAGES]
    message["Subject"] = " / ".join(subjects)
    message["From"] = sender.address
    message["To"] = address
    message["Date"] = format_datetime(notice.at)
    host = sender.address.rpartition("@")[2]
    message["Message-ID"] = f"<{digest(notice.id)}@{host}>"
    # RFC 3834: no machine answers it.
    message["Auto-Submitted"] = "auto-generated"
    parts = [_paragraphs(notice, phone, sender.portal, language) for language in LANGUAGES]
    message.set_content("\n\n--\n\n".join("\n\n".join(each) for each in parts) + "\n")
    message.add_alternative(_html(parts), subtype="html")
    return message


def _paragraphs(notice: PhoneNotice, phone: str, portal: str, language: Language) -> list[str]:
    named = " ".join(phone.split()) or translate(language, _NAMELESS)
    facts = {
        "phone": named,
        "days": notice.detail,
        "portal": portal,
        "when": _when(notice.at, language),
    }
    said = [_SAID[notice.kind]]
    said += [] if notice.kind in _BY_TIME else [_WHEN]
    said += [_PAIR] if notice.kind in _ENDS else []
    said += [] if notice.kind in _BY_TIME else [_NOT_ME]
    return [translate(language, each) % facts for each in (*said, _NO_REPLY)]


def _when(at: datetime, language: Language) -> str:
    return say_datetime(at, "d MMMM y HH:mm 'UTC'", locale=language.value)


def _html(parts: list[list[str]]) -> str:
    sections = (
        f'<div lang="{language.value}">'
        + "".join(f"<p>{escape(paragraph)}</p>" for paragraph in paragraphs)
        + "</div>"
        for language, paragraphs in zip(LANGUAGES, parts, strict=True)
    )
    return (
        '<!doctype html><html lang="nl"><head><meta charset="utf-8"></head>'
        '<body style="font-family:sans-serif;max-width:36em">' + "<hr>".join(sections)
    ) + "</body></html>"
