"""By which facts a request is known that somebody said yes to."""

from dataclasses import replace

import msgspec

from pairing_server.approvals.auth_request import AuthRequest
from pairing_server.tokens import digest


def facts_digest(request: AuthRequest, role_code: str) -> str:
    """Return the digest of whose request it is, of whom, by which grant, for what, as shown.

    It is committed with the answer.  Who can write the Store could otherwise hand what somebody
    said yes to over to another client.

    Args:
        role_code: In which role the person said yes.
    """
    facts = (
        request.id,
        request.client_id,
        request.person_id,
        request.workstation_id,
        request.scope,
        request.grant,
        replace(request.shown, role_code=role_code),
    )
    return digest(msgspec.json.encode(facts).decode())
