"""What the endpoints of event streams refuse."""

from datetime import timedelta

from pairing_server.errors import Conflict, TooManyRequests

#: SSF 1.0 section 8.1.1: `min_verification_interval`.
MIN_VERIFICATION_INTERVAL = timedelta(seconds=30)


class StreamExists(Conflict):
    """A client has one stream (SSF 1.0 section 8.1.1.1)."""

    description = "You have a stream already: read it, and change it by PATCH or PUT."


class StreamNotEnabled(Conflict):
    """Nothing is sent on a stream that is paused or disabled (SSF 1.0 section 8.1.2.1)."""

    description = "This stream is not enabled: enable it first, then have it verified."


class VerifiedTooSoon(TooManyRequests):
    """A stream is verified every thirty seconds at most (SSF 1.0 section 8.1.4.2)."""

    description = "This stream was verified just now: wait thirty seconds, then ask again."
    retry_after = MIN_VERIFICATION_INTERVAL
