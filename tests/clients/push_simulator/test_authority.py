"""Services on loopback prove who they are to those who believe their authority, and no others."""

import asyncio
import ssl

import pytest

from clients.push_simulator.authority import LoopbackAuthority


@pytest.fixture
async def server():
    authority = LoopbackAuthority.create()
    listening = await asyncio.start_server(
        lambda _, writer: writer.close(), "127.0.0.1", 0, ssl=authority.context(("h2",))
    )
    async with listening:
        yield authority, listening.sockets[0].getsockname()[1]


async def connect(port, authority, host="localhost"):
    context = ssl.create_default_context(cadata=authority.pem.decode())
    context.set_alpn_protocols(["h2"])
    _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname=host)
    protocol = writer.get_extra_info("ssl_object").selected_alpn_protocol()
    writer.close()
    return protocol


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
async def test_who_believes_the_authority_connects(server, host):
    authority, port = server
    assert await connect(port, authority, host) == "h2"


async def test_who_believes_another_does_not(server):
    _, port = server
    with pytest.raises(ssl.SSLCertVerificationError):
        await connect(port, LoopbackAuthority.create())


async def test_no_other_host_can_be_played(server):
    authority, port = server
    with pytest.raises(ssl.SSLCertVerificationError):
        await connect(port, authority, "api.push.apple.com")
