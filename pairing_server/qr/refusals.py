"""What a pairing can be refused for."""

from pairing_server.errors import Conflict, Refusal


class NotRegistered(Refusal):
    """Nobody who works for the card's organisation is registered with this card."""

    code = "not_registered"
    status = 403
    description = "Register yourself first: your date of birth, then your signature by card."


class WrongCheckNumber(Refusal):
    """The number typed at the page is not the one on the phone."""

    code = "wrong_check_number"
    status = 422
    description = "That is not the number on the phone's screen. Type the four digits it shows."


class PairingClosed(Conflict):
    """The pairing is over, or not yet where this call belongs."""

    code = "pairing_closed"
    description = "This pairing is not waiting for that: look at its status, or start a new one."
