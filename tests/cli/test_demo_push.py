"""How the demo's phones are woken: told on the console, and waited for by the play."""

import asyncio
import secrets
from datetime import timedelta

import pytest

from pairing_server.cli.demo_push import waking
from pairing_server.clock import utc_now
from pairing_server.push import PushAddress, PushService, Wakeup, WakeupKind
from pairing_server.push.setup import make_push
from pairing_server.settings import load
from tests.cli.conftest import started

ADDRESS = PushAddress(PushService.FCM, "t" * 100)


@pytest.fixture
def wakeup():
    return Wakeup("request-1", utc_now() + timedelta(minutes=1))


async def test_by_default_a_line_is_told_and_no_service_asked(tmp_path, wakeup):
    lines = []
    async with waking(simulate=False, directory=tmp_path, write=lines.append) as push:
        assert (dict(push.settings), push.page, set(push.senders)) == ({}, "", set(PushService))
        sender = push.senders[PushService.FCM]
        news = Wakeup("news", wakeup.expires_at, WakeupKind.NOTICE)
        for each in (news, wakeup):
            await sender.send(ADDRESS, each)
        assert await asyncio.wait_for(push.woken(ADDRESS.address), 10) == "request-1"
        assert await sender.check() == []
        await sender.close()
    assert [line.rpartition(" ")[2] for line in lines] == ["news", "request-1"]


async def test_the_simulator_is_asked_where_it_is_wanted(tmp_path, wakeup):
    lines = []
    async with waking(simulate=True, directory=tmp_path, write=lines.append) as push:
        assert push.senders is None
        settings = load({}, **push.settings)
        sender = make_push(settings, bytes(32), utc_now, secrets.token_bytes).senders["fcm"]
        await sender.send(ADDRESS, wakeup)
        assert await asyncio.wait_for(push.woken(ADDRESS.address), 10) == "request-1"
        await sender.close()
        assert push.page.startswith("http://localhost:")
    (line,) = lines
    assert line.startswith('fcm took {"id": "request-1"')
    assert ADDRESS.address not in line


def test_the_main_job_is_played_through_it(tmp_path):
    arguments = ("--once", "--port", "0", "--data-dir", str(tmp_path), "--push-simulator")
    with started({}, "demo", *arguments) as process:
        status, output = process.end(110)

    assert status == 0, output
    assert output.count("push: fcm took") >= 3
    assert "push: fcm refused" not in output
    assert '"kind": "request"' in output
    config = tmp_path / "demo.toml"
    assert config.stat().st_mode & 0o077 == 0
    assert 'webpush_contact = "mailto:push@hospital.example.nl"' in config.read_text()
