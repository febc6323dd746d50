"""What a phone's acts on itself and on its siblings can be refused for."""

from pairing_server.errors import Conflict, Refusal


class TransferClosed(Conflict):
    """The transfer is over, or not yet where this call belongs."""

    code = "transfer_closed"
    description = "This transfer is not waiting for that: show a new code on the new phone."


class WrongTransferCode(Refusal):
    """The code typed on the old phone is not the one that the new one shows."""

    code = "wrong_code"
    status = 422
    description = "That is not the code on the new phone's screen: look again and type it."


class WrongUnblockingCode(Refusal):
    """The code typed on the blocked phone is not the one that the administrator sees."""

    code = "wrong_code"
    status = 422
    description = "That is not the code that your administrator sees: ask for it again."


class NotOffered(Refusal):
    """No administrator has offered to unblock this phone, or the offer is over."""

    code = "not_found"
    status = 404
    description = "Nobody is unblocking this phone: ask your administrator to begin."
