"""What a XIS can be refused for."""

from pairing_server.errors import Conflict, Expired


class SessionNotOpen(Conflict):
    """Nothing can be signed in a session that is not open."""

    code = "session_not_open"
    description = "This session is not open: read its events, and open another one."


class EventsForgotten(Expired):
    """The reader was away for longer than events are kept, or names one that there never was."""

    code = "events_forgotten"
    description = (
        "What came after this Last-Event-ID is not kept any more: close what you have open, "
        "and begin with Last-Event-ID 0."
    )
