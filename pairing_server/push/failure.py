"""Why a wake-up came no further than the way to its service: the same words for all of them.

What a service itself says keeps the service's own words.
"""

from enum import StrEnum


class Failure(StrEnum):
    """A code of `PushFailedError` that is ours."""

    #: As many sends are under way as may be.
    BUSY = "busy"
    #: No answer within the deadline; whether the service has it is unknown.
    TIMEOUT = "timeout"
    #: The connection ended in the middle; whether the service has it is unknown.
    DISCONNECTED = "disconnected"
    #: No connection: name, route, or nobody listens.
    UNREACHABLE = "unreachable"
    #: The service did not prove who it is.
    TLS = "tls"
    #: The egress proxy made no way through.
    PROXY = "proxy"
    #: What came back is not what the protocol says.
    PROTOCOL = "protocol"
    #: By the operator's rules nobody calls there.
    FORBIDDEN = "forbidden"
