"""Which Chromium the tests start, and how."""

import shutil

#: A browser that calls nobody but us.
FLAGS = (
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
)
#: A camera that sees a film, and nobody who asks whether it may.
CAMERA_FLAGS = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")


def chromium_path() -> str:
    """Find the browser as people have it, with its notifications and questions."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    assert found, "There is no Chromium: make parts"
    return found


def shell_path() -> str:
    """Find the same Chromium without a desktop's windows, which takes a third less of a test."""
    return shutil.which("chromium-headless-shell") or chromium_path()
