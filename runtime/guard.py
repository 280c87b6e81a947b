"""Becomes another program that ends when the process that started it ends.

Run as a script by `runtime.child`, before any import of ours, so that it costs milliseconds:
`guard.py PARENT SIGNAL UID GID PROGRAM [ARGUMENT ...]`; `-` for UID and GID leaves them alone.

On Linux the kernel sends SIGNAL when the thread that started us ends, however it ends. Elsewhere
there is no such promise, and a supervisor that is killed leaves its children behind.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> None:
    parent, at_death, uid, gid, *command = arguments
    if gid != "-":
        os.setgroups([])
        os.setgid(int(gid))
    if uid != "-":
        os.setuid(int(uid))
    if sys.platform == "linux":
        # After the change of user, which clears it.
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, int(at_death), 0, 0, 0)
        if os.getppid() != int(parent):  # It ended before the kernel was asked.
            os.kill(os.getpid(), signal.SIGKILL)
    os.execv(command[0], command)


if __name__ == "__main__":
    main(sys.argv[1:])
