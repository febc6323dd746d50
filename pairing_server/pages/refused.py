"""What a person is told who cannot go on: in words for a nurse, with a way on."""

from dataclasses import dataclass, replace

from pairing_server.errors import Refusal
from pairing_server.languages import N_


@dataclass(frozen=True, slots=True)
class Action:
    """A way on."""

    label: str
    path: str


@dataclass(frozen=True, slots=True)
class Advice:
    """What a stop page says, in English.

    Attributes:
        text: What happened and what to do next; empty where the refusal's own words say it.
    """

    title: str
    text: str = ""
    actions: tuple[Action, ...] = ()


_START = Action(N_("To the start"), "/portal/")
_LOG_IN = Action(N_("Log in"), "/portal/")
_DETAILS = Action(N_("Back to your details"), "/portal/details")
_ORGANISATION = Action(N_("Register the organisation"), "/portal/organisation")
_NEXT = Action(N_("Go on"), "/portal/next")
_PAIR = Action(N_("Pair your phone"), "/portal/start")

_BY_CODE = {
    "invalid_token": Advice(
        N_("You are not logged in"),
        N_("Your session is over, or you have not logged in yet. Nothing has been lost: log in."),
        (_LOG_IN,),
    ),
    "not_found": Advice(
        N_("This page is not there"),
        N_("It does not exist, or it was for one use and has been used. Start again."),
        (_START,),
    ),
    "cross_site": Advice(
        N_("This came from another site"),
        N_("For your safety only this site's own pages can do this. Start again here."),
        (_START,),
    ),
    "wrong_host": Advice(N_("This address is not in use"), actions=(_START,)),
    "method_not_allowed": Advice(
        N_("This page cannot be opened this way"),
        N_("Start again, and use the buttons on the pages."),
        (_START,),
    ),
    "wrong_browser": Advice(N_("Started in another browser"), actions=(_START,)),
    "unknown_organisation": Advice(
        # Not first: whoever takes it becomes the administrator.
        N_("Your organisation is not registered here yet"),
        actions=(_START, _ORGANISATION),
    ),
    "record_closed": Advice(N_("Your registration has been ended"), actions=(_START,)),
    "membership_ended": Advice(N_("Your registration has been ended"), actions=(_START,)),
    "several_records": Advice(N_("Your organisation has to look at this"), actions=(_START,)),
    "changed_meanwhile": Advice(N_("Your details were changed"), actions=(_DETAILS, _START)),
    "nothing_offered": Advice(N_("There is nothing to deny"), actions=(_DETAILS,)),
    "organisation_exists": Advice(N_("The organisation is registered"), actions=(_LOG_IN,)),
    "wrong_purpose": Advice(N_("Start with the right choice"), actions=(_START,)),
    "not_registered": Advice(N_("Register yourself first"), actions=(_DETAILS,)),
    "credential_exists": Advice(N_("This phone is paired already"), actions=(_PAIR,)),
    "expired": Advice(N_("The time is over"), actions=(_NEXT, _START)),
    "conflict": Advice(N_("This has been done already"), actions=(_NEXT, _START)),
    "too_many_requests": Advice(N_("That was too often"), actions=(_NEXT, _START)),
    "temporarily_unavailable": Advice(N_("The server is busy"), actions=(_NEXT, _START)),
}
#: On the way from a program: there it begins again, and not here.
_AT_LOGIN = {
    "not_found": Advice(
        N_("This login is not there any more"),
        N_(
            "It is over, or it was started in another browser. Go back to your program, and log "
            "in there again."
        ),
    ),
    "conflict": Advice(
        N_("This login is finished"),
        N_("You go on in the tab with your program. To log in once more, begin there."),
    ),
    "invalid_request": Advice(N_("Your program cannot let you log in")),
    "invalid_request_uri": Advice(N_("This login cannot be opened again")),
    "access_denied": Advice(N_("Too many logins are open")),
}
_ADMINISTRATION = Action(N_("To the overview"), "/admin/")
#: For who administers: in the refusal's own words, but where it was meant for others.
_AT_ADMINISTRATION = {
    "not_found": Advice(
        N_("There is nothing here"),
        N_("It is not there, or it is another organisation's, or it was for one use."),
    ),
    "invalid_token": Advice(
        N_("You are not logged in"),
        N_("Your session is over. Nothing has been changed: log in, and do it again."),
    ),
    "forbidden": Advice(N_("This is not for your role")),
    "not_an_administrator": Advice(N_("You do not administer this organisation")),
    "another_person": Advice(N_("Somebody else confirmed")),
    "access_denied": Advice(N_("You were not logged in")),
    "unmet_authentication_requirements": Advice(N_("This phone is not enough")),
}
_OF_CARD = Advice(N_("Your card was refused"), actions=(_START,))
_OTHER = Advice(N_("This cannot go on"), actions=(_START,))
#: What nobody foresaw.
FAULT = Advice(
    N_("Something went wrong here"),
    N_("This is our fault, and nothing that you did. Try again; if it stays, ask for help."),
    (_NEXT, _START),
)


def advise_administrator(refusal: Refusal) -> Advice:
    """Return what somebody is told who administers an organisation."""
    advice = _AT_ADMINISTRATION.get(refusal.code) or _BY_CODE.get(refusal.code, _OTHER)
    return Advice(advice.title, advice.text or refusal.description, (_ADMINISTRATION,))


def advise(
    refusal: Refusal | type[Refusal], *, is_of_card: bool, is_at_login: bool = False
) -> Advice:
    """Return what a person is told of a refusal.

    Args:
        is_of_card: Whether it is about the card that was shown.
        is_at_login: Whether a program sent them here.
    """
    advice = _BY_CODE.get(refusal.code, _OF_CARD if is_of_card else _OTHER)
    if is_at_login:
        # No way leads on from here: it begins in the program.
        advice = replace(_AT_LOGIN.get(refusal.code, advice), actions=())
    return Advice(advice.title, advice.text or refusal.description, advice.actions)
