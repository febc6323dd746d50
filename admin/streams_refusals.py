"""What is refused where systems are told what happens."""

from admin.refusals import Forbidden
from pairing_server.errors import Conflict


class ServesOthers(Forbidden):
    """What a system that several organisations share is told is not one's to say for all."""

    code = "serves_others"
    description = (
        "This system serves other organisations as well: ask its vendor, who changes this for all."
    )


class NowhereToTell(Conflict):
    """The system is registered with no address for events."""

    code = "no_delivery_endpoint"
    description = (
        "This system has no address for events: let the server's operator register one first."
    )


class NotListening(Conflict):
    """The system has no stream."""

    code = "no_stream"
    description = "This system is told nothing now: look at the page anew."
