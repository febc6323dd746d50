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
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    assert found, "There is no Chromium: make parts"
    return found
