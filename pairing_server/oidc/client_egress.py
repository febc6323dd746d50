"""The one way to the URLs that clients are registered with: keys, notifications, logouts.

An operator wrote them down, but a client named them, so that they may lead no further than to
that client: over TLS, to the registered URL and to no other, and to public addresses, unless the
operator agreed with this client that its URLs lead inside, to networks that the operator named.
"""

import ssl
from collections.abc import Collection
from ipaddress import ip_network

from pairing_server.destination import AllowList, EgressError, Network, Reason, read_url
from pairing_server.egress import Answer, Call, Egress
from pairing_server.egress_pool import EgressPool
from pairing_server.settings import PREFIX, Settings, SettingsError
from pairing_server.tls import system_trust

LOOPBACK: tuple[Network, ...] = tuple(map(ip_network, ("127.0.0.0/8", "::1/128")))
_LOCALHOST = "localhost"
#: To one client: what hangs there holds up nothing else.
CONNECTIONS = 20


class ClientEgress:
    """Calls clients, and nobody else.

    Args:
        public: Calls public addresses alone.
        private: Calls the operator's own networks as well.
        is_demo: Whether this server itself is on localhost without TLS: then so may clients be.
    """

    def __init__(self, public: Egress, private: Egress, *, is_demo: bool) -> None:
        self._egresses = (public, private)
        self._public = EgressPool(public, CONNECTIONS)
        self._private = EgressPool(private, CONNECTIONS)
        self._is_demo = is_demo

    async def close(self) -> None:
        """Give up the connections; calls under way end."""
        for pool in (self._public, self._private):
            await pool.close()
        for egress in self._egresses:
            egress.close()

    async def send(self, call: Call, registered: Collection[str], *, inside: bool) -> Answer:
        """Make a call; a redirect is an answer as any other, and nobody follows it.

        Args:
            registered: The URLs that the client is registered with.
            inside: Whether the operator agreed that they lead to private addresses.

        Raises:
            EgressError: With the reason.
        """
        if call.url not in registered:
            raise EgressError(Reason.HOST)
        is_here = self._is_demo and read_url(call.url).host == _LOCALHOST
        allowed = AllowList(plain_http=is_here).and_urls([call.url])
        pool = self._private if inside or is_here else self._public
        return await pool.send(call, allowed)


def make_client_egress(settings: Settings) -> ClientEgress:
    """Make what calls clients.

    Raises:
        SettingsError: with what is wrong with the authorities' file.
    """
    proxy = None if settings.egress_proxy is None else settings.egress_proxy.get_secret_value()
    tls = _trust(settings)
    is_demo = not settings.is_https
    inside = (*settings.egress_inside, *(LOOPBACK if is_demo else ()))
    return ClientEgress(
        Egress((), proxy, tls=tls), Egress(inside, proxy, tls=tls), is_demo=is_demo
    )


def _trust(settings: Settings) -> ssl.SSLContext:
    """Return what believes the system's authorities, and those of clients inside."""
    file = settings.client_ca_file
    if file is None:
        return system_trust()
    context = ssl.create_default_context()
    try:
        context.load_verify_locations(cafile=file)
    except ssl.SSLError as error:
        raise SettingsError(
            [f"{PREFIX}CLIENT_CA_FILE: {file} has no certificates in PEM."]
        ) from error
    except OSError as error:
        mistake = f"{PREFIX}CLIENT_CA_FILE: {file} cannot be read: {error.strerror}."
        raise SettingsError([mistake]) from error
    return context
