"""Commands as an operator runs them: in this process where that shows the same, else for real."""

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import aiohttp
import pytest
import structlog
from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from pairing_server.app import open_stores, running
from pairing_server.cli import main
from pairing_server.settings import load
from tests.house import free_port

START_SECONDS = 60


def wait_for(condition, seconds=START_SECONDS):
    """Wait for a fact about another process."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return value


class Process:
    """A command that runs on its own."""

    def __init__(self, environ, *arguments):
        self._child = subprocess.Popen(
            [sys.executable, "-m", "pairing_server", *arguments],
            env={**os.environ, **environ},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    @property
    def pid(self):
        return self._child.pid

    def stop(self, number=signal.SIGTERM):
        """Send a signal; returns the exit status and everything that was printed."""
        self._child.send_signal(number)
        return self.end()

    def end(self, seconds=START_SECONDS):
        output, _ = self._child.communicate(timeout=seconds)
        return self._child.returncode, output

    def line(self):
        """Wait for a line of output."""
        return self._child.stdout.readline().strip()

    @property
    def is_running(self):
        return self._child.poll() is None

    def kill(self):
        self._child.kill()
        self._child.communicate()


@contextmanager
def started(environ, *arguments):
    process = Process(environ, *arguments)
    try:
        yield process
    finally:
        if process.is_running:
            process.kill()


@pytest.fixture
def environ(tmp_path, register):
    """Settings of an installation whose cards and lists are in order."""
    port = free_port()
    return {
        "PAIRING_BASE_URL": f"http://localhost:{port}",
        "PAIRING_DATA_DIR": str(tmp_path / "data"),
        "PAIRING_UZI_ENVIRONMENT": "test",
        "PAIRING_UZI_ANCHORS": str(register.root),
        "PAIRING_UZI_CRL_DIR": str(register.crl_dir),
        "PAIRING_UZI_ONLINE": "false",
        "PAIRING_SYNCED_ACR": "substantial",
    }


@pytest.fixture
def command(bare_command, environ, empty_registry):
    """Run a command in this process, where there is a registry: exit status and output."""
    data = Path(environ["PAIRING_DATA_DIR"])
    if not data.exists():
        data.mkdir(mode=0o700)
        shutil.copyfile(empty_registry, data / "registry.sqlite3")
    return bare_command


@pytest.fixture
def bare_command(environ, monkeypatch):
    """Run a command in this process, where there is nothing yet."""
    for name, value in environ.items():
        monkeypatch.setenv(name, value)

    def run(*arguments):
        result = CliRunner().invoke(main, [str(argument) for argument in arguments])
        assert result.exception is None or isinstance(result.exception, SystemExit), result.output
        return result.exit_code, result.output

    return run


@pytest.fixture
def serving(environ):
    """Run a server of its own and wait until it answers."""

    @contextmanager
    def serve(**more):
        with started({**environ, **more}, "serve") as process:
            wait_for(lambda: not process.is_running or ready(environ["PAIRING_BASE_URL"]))
            assert process.is_running, process.end()
            yield process

    return serve


@pytest.fixture
def beside(environ, tmp_path):
    """Run a server on a thread of this process, where a command beside it shows the same.

    It writes its log into a file, since a command's output is all that is written meanwhile.
    """

    @contextmanager
    def serve():
        began = Future()

        async def until_stopped():
            stopping = asyncio.Event()
            settings = load(environ)
            async with open_stores(settings) as stores, running(settings, stores):
                began.set_result((asyncio.get_running_loop(), stopping))
                await stopping.wait()

        with (tmp_path / "server.log").open("a") as log, ThreadPoolExecutor(1) as threads:
            structlog.configure(logger_factory=structlog.PrintLoggerFactory(log))
            served = threads.submit(asyncio.run, until_stopped())
            served.add_done_callback(
                lambda over: began.done() or began.set_exception(over.exception())
            )
            loop, stopping = began.result(START_SECONDS)
            try:
                yield
            finally:
                loop.call_soon_threadsafe(stopping.set)
                served.result(START_SECONDS)

    return serve


def ready(base_url):
    async def ask():
        async with aiohttp.ClientSession() as http:
            try:
                async with http.get(f"{base_url}/readyz") as response:
                    return response.status == 200
            except aiohttp.ClientConnectionError:
                return False

    return asyncio.run(ask())


@pytest.fixture
def client_key():
    return ec.generate_private_key(ec.SECP256R1())


@pytest.fixture
def jwks_file(tmp_path, client_key):
    file = tmp_path / "client.jwks.json"
    jwk = {**ECAlgorithm.to_jwk(client_key.public_key(), as_dict=True), "alg": "ES256"}
    file.write_text(json.dumps({"keys": [jwk]}))
    return file
