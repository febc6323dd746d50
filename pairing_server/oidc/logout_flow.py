"""The steps of logging out at a client (OpenID Connect RP-Initiated Logout 1.0)."""

from collections.abc import Mapping

from pairing_server.audit.events import SessionLoggedOut
from pairing_server.oidc import logout as rules
from pairing_server.oidc.issuing import Issuer
from pairing_server.ports import Ports
from pairing_server.registry import Transaction, clients, sessions
from pairing_server.registry.sessions import EndReason


class LogoutFlow:
    """Ends the session that a client's own ID token names."""

    def __init__(self, ports: Ports, issuer: Issuer) -> None:
        self._registry = ports.registry
        self._clock = ports.clock
        self._issuer = issuer

    async def log_out(self, form: Mapping[str, str]) -> str | None:
        """End a session, if that may be.  Returns where the browser goes, if not to our page.

        Without an ID token of ours nothing is ended and nobody is sent anywhere: whoever may
        have written such a link is not known.
        """
        request = rules.read_logout(form)
        claims = await self._issuer.own_claims(request.id_token_hint)
        if claims is None:
            return None
        client_id = str(claims["aud"])
        if request.client_id not in ("", client_id):
            return None
        client = await self._registry.read(lambda tx: clients.get(tx, client_id))
        if client is None:
            return None
        sid, now = str(claims.get("sid", "")), self._clock()

        def change(tx: Transaction) -> None:
            session = sessions.get(tx, sid)
            if session is None or session.client_id != client_id:
                return
            # The client knows: it has asked.
            if sessions.end(tx, sid, EndReason.LOGOUT, now, is_told=False):
                tx.record(
                    SessionLoggedOut(
                        actor=f"person:{session.person_id}",
                        object=f"session:{sid}",
                        ura=session.ura,
                        evidence={"client": client_id},
                    )
                )

        await self._registry.commit(change)
        return rules.return_uri(request, client.metadata.post_logout_redirect_uris)
