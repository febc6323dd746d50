"""What the audit log can tell of who administers an organisation."""

from pairing_server.audit.events import Event


class AdministratorLoggedIn(Event):
    """Somebody began to administer an organisation, or confirmed what they are about to do."""

    kind = "E"


class AdministratorRefused(Event):
    """Somebody logged in to administer who may not, or who confirmed in another one's place."""

    kind = "E"


class AdministratorLoggedOut(Event):
    """An administrator logged out."""

    kind = "D"


class PhoneUseViewed(Event):
    """An administrator looked at a person's phones and their last use; the evidence says of when.

    `lost_at` in it is the moment after which they asked for use.
    """

    kind = "R"


class ActAsked(Event):
    """An administrator asked for what their organisation wants two people for."""

    kind = "E"


class ActWithdrawn(Event):
    """What an administrator asked for was withdrawn, by them or by another one."""

    kind = "E"


class AdminPolicyChanged(Event):
    """An organisation wants two people for other acts from now on; the evidence is the policy."""

    kind = "U"
