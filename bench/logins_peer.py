"""npm oidc-provider with CIBA beside us: in memory, one process, with a load script of its own.

Where it lies is told by `BENCH_OIDC_PROVIDER`: a directory with `server.mjs`, `load.mjs` and
`node_modules`.
"""

import contextlib
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from bench.logins_load import Rate
from bench.logins_process import Served, free_port
from bench.push_load import Delay
from bench.push_services import OURS, THEIRS, pinned

VARIABLE = "BENCH_OIDC_PROVIDER"
_RUN = re.compile(r"flows/s\s+p50=([\d.]+)ms p99=([\d.]+)ms n=(\d+)")
#: Logins that the script makes before it measures.
_BEFORE = 3
_PATIENCE = 10


def peer_directory() -> Path | None:
    """Return where the peer lies, if it is here and can run."""
    told = os.environ.get(VARIABLE)
    directory = Path(told) if told else None
    is_there = directory is not None and (directory / "node_modules").is_dir()
    return directory if is_there and shutil.which("node") else None


@contextlib.contextmanager
def peer(directory: Path) -> Iterator[Served]:
    """Run the peer, until the block is left."""
    port = free_port()
    told = {**os.environ, "PORT": str(port), "ALG": "ES256"}
    server = subprocess.Popen(
        ["node", "server.mjs"],  # noqa: S607
        cwd=directory,
        env=told,
        stdout=subprocess.PIPE,
        preexec_fn=lambda: pinned(OURS),  # noqa: PLW1509
    )
    try:
        assert server.stdout is not None  # noqa: S101
        server.stdout.readline()
        yield Served(f"http://127.0.0.1:{port}", server.pid)
    finally:
        server.terminate()
        server.wait(_PATIENCE)


def peer_rate(directory: Path, server: Served, seconds: int, at_once: int) -> Rate:
    """Have people log in there, so many at once."""
    told = {"PORT": server.url.rpartition(":")[2], "CONC": str(at_once), "RUNS": "1"}
    before, began = server.spent(), time.perf_counter()
    done = subprocess.run(
        ["node", "load.mjs"],  # noqa: S607
        cwd=directory,
        env={**os.environ, **told, "SECS": str(seconds)},
        capture_output=True,
        text=True,
        check=True,
        preexec_fn=lambda: pinned(THEIRS),
    )
    took, after = time.perf_counter() - began, server.spent()
    found = _RUN.search(done.stdout)
    assert found is not None, done.stdout  # noqa: S101
    p50, p99, count = float(found[1]), float(found[2]), int(found[3])
    made = count + _BEFORE
    cpu = after.own - before.own
    return Rate(made, at_once, min(took, seconds), cpu, 0.0, Delay(count, p50, p99))
