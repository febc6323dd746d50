"""Start a program that the kernel kills when the process that started it dies (Linux).

Run as a file of its own, before the program: `python die_with_parent.py PARENT PROGRAM ARG…`.
A function between fork and exec would do the same with less, but must not be run in a process
with threads.  It imports nothing of the server.
"""

import ctypes
import os
import signal
import sys

#: linux/prctl.h
PR_SET_PDEATHSIG = 1


def main(parent: int, program: str, *arguments: str) -> None:
    """Become the program; it dies with the process whose number is `parent`."""
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "prctl")
    if os.getppid() == parent:  # Else the parent died before it could be watched.
        os.execv(program, [program, *arguments])  # noqa: S606


if __name__ == "__main__":
    main(int(sys.argv[1]), *sys.argv[2:])
