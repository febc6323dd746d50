"""What a program that administers can be refused for, beside what people can."""

from admin.refusals import Forbidden
from pairing_server.errors import Conflict, InvalidRequest, Refusal


class ActNotAgreed(Forbidden):
    """The program was not registered for this."""

    description = (
        "This program may not do that: have the server's operator name the act in its admin_acts, "
        "where the access table gives it to machines."
    )


class KeyNeeded(InvalidRequest):
    """A `POST` came without an `Idempotency-Key`, or with none that can be kept."""

    code = "idempotency_key_needed"
    description = "Send an Idempotency-Key of your own, up to 255 visible characters, once each."


class KeyReused(Refusal):
    """The `Idempotency-Key` was sent with another call or body before."""

    code = "idempotency_key_reused"
    status = 422
    description = "You sent this Idempotency-Key with something else: take a new one for this."


class MatchNeeded(Refusal):
    """What changes something has to name what it changes (RFC 6585 section 3)."""

    code = "if_match_needed"
    status = 428
    description = "Read what you are about to change, and send its ETag as If-Match."


class Changed(Conflict):
    """It is another one now than the one that was read (RFC 9110 section 15.5.13)."""

    code = "changed_since_read"
    status = 412
    description = "This was changed since you read it: read it again, then decide."
