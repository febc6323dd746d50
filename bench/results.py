"""Keeps what was measured last, with the machine on which it was."""

import json
import os
import platform
from pathlib import Path

from pairing_server.clock import utc_now

LATEST = Path(__file__).parent / "results" / "latest.json"


def keep(part: str, measured: object) -> None:
    """Put what was measured in the place of what the part had."""
    kept = json.loads(LATEST.read_text()) if LATEST.exists() else {}
    kept[part] = {
        "measured_at": utc_now().isoformat(timespec="seconds"),
        "machine": {
            "cores": os.cpu_count(),
            "architecture": platform.machine(),
            "python": platform.python_version(),
        },
        "measured": measured,
    }
    LATEST.parent.mkdir(exist_ok=True)
    LATEST.write_text(json.dumps(kept, indent=2) + "\n")
