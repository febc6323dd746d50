"""The one line that a phone may show of a wake-up: the same for everybody."""

from pairing_server.languages import N_, Language, translate
from pairing_server.push import Wakeup, WakeupKind

_LINES = {
    WakeupKind.REQUEST: N_("There is a login request"),
    WakeupKind.NOTICE: N_("There is news about your phones"),
    WakeupKind.WITHDRAWN: N_("The login request is over"),
}


def line_of(wakeup: Wakeup) -> str:
    """Return what is shown, in the language of the wake-up, where the platform has to show it."""
    return translate(Language(wakeup.language), _LINES[wakeup.kind])
