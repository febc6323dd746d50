"""What goes wrong with push, in words for the operator: what it means, and what to do."""

from datetime import datetime, timedelta

from pairing_server.push import PushService
from pairing_server.push.apns_words import APNS
from pairing_server.push.failure import Failure

#: Further off than this, tokens that we sign are not believed everywhere.
CLOCK_MAY_BE_OFF = timedelta(seconds=60)
NAMES = {
    PushService.APNS: "APNs",
    PushService.FCM: "FCM",
    PushService.WEBPUSH: "The Web Push service",
}
_ON_THE_WAY = {
    Failure.BUSY: "was not asked: too many sends are under way",
    Failure.TIMEOUT: "did not answer in time",
    Failure.DISCONNECTED: "broke off the connection",
    Failure.UNREACHABLE: (
        "cannot be reached: let the server resolve its name and connect to it, "
        "or name your proxy in PAIRING_EGRESS_PROXY"
    ),
    Failure.TLS: (
        "shows a certificate that is not believed: where a proxy opens TLS, exempt it, "
        "or name the authority's file in PAIRING_PUSH_CA_FILE"
    ),
    Failure.PROXY: (
        "cannot be reached through the proxy: see that PAIRING_EGRESS_PROXY has the right "
        "password, and that the proxy lets the server through to it"
    ),
    Failure.PROTOCOL: "answered what it should not: is something in between?",
    Failure.FORBIDDEN: (
        "is not one that may be called: name its host in PAIRING_PUSH_HOSTS, and its network "
        "in PAIRING_EGRESS_INSIDE if that is yours"
    ),
}
_FCM = {
    "invalid_grant": (
        "does not believe the key of PAIRING_FCM_SERVICE_ACCOUNT_FILE: it was deleted, or its "
        "account was: make a new key in the console"
    ),
    "invalid_client": "does not know the account of PAIRING_FCM_SERVICE_ACCOUNT_FILE",
    "unauthorized_client": "lets the account of PAIRING_FCM_SERVICE_ACCOUNT_FILE ask for nothing",
    "access_denied": "lets the account of PAIRING_FCM_SERVICE_ACCOUNT_FILE ask for nothing",
    "UNAUTHENTICATED": "does not believe its own access token",
    "PERMISSION_DENIED": (
        "does not let the account send: enable the Firebase Cloud Messaging API for the project, "
        "and give the account a role with cloudmessaging.messages.create"
    ),
    "NOT_FOUND": (
        "does not know the project: is PAIRING_FCM_SERVICE_ACCOUNT_FILE of the app's project?"
    ),
    "SENDER_ID_MISMATCH": (
        "knows the phone's token as another project's: is PAIRING_FCM_SERVICE_ACCOUNT_FILE of "
        "the app's project?"
    ),
    "UNREGISTERED": "knows the phone's token no more: the app was removed, or has a new one",
    "INVALID_ARGUMENT": "does not accept the message, or the token is none",
    "QUOTA_EXCEEDED": "has been asked too much: the project's quota is used up for the moment",
    "RESOURCE_EXHAUSTED": "has been asked too much: the project's quota is used up for the moment",
    "UNAVAILABLE": "is not available for the moment",
    "INTERNAL": "has an error of its own",
    "THIRD_PARTY_AUTH_ERROR": (
        "has no valid key of Apple's or a browser's: the token is not an Android phone's"
    ),
}
_WEBPUSH = {
    "400": "does not accept the message",
    "401": "does not believe the server's VAPID key",
    "403": (
        "does not believe the server's VAPID key for this phone: it subscribed with another one "
        "and has to turn notifications off and on, or PAIRING_WEBPUSH_CONTACT is refused"
    ),
    "404": "does not know the phone's subscription",
    "410": "knows the phone's subscription no more",
    "413": "finds the message too large",
    "429": "has been asked too much",
    "malformed": "was not asked: what the phone registered is no subscription",
}
_OWN = {PushService.APNS: APNS, PushService.FCM: _FCM, PushService.WEBPUSH: _WEBPUSH}


def words(service: PushService, code: str, name: str = "") -> str:
    """Return the sentence for a code of an error.

    Args:
        name: Of the one service, where there are several of a kind.
    """
    on_the_way = {str(failure): said for failure, said in _ON_THE_WAY.items()}
    own = _OWN.get(service, {})
    said = own.get(code) or on_the_way.get(code) or f"answered {code}"
    return f"{name or NAMES[service]} {said}."


def clock_words(theirs: datetime | None, ours: datetime) -> str | None:
    """Return the sentence for a clock that is off by what a service says, if it is."""
    if theirs is None or abs(theirs - ours) <= CLOCK_MAY_BE_OFF:
        return None
    seconds = abs(theirs - ours).total_seconds()
    how = "slow" if theirs > ours else "fast"
    return f"The server's clock is {seconds:.0f} seconds {how}: have it kept right by NTP."
