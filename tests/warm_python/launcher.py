# What stands in the place of ``python``; PYTHON, SOCKET and PROGRAMS stand above this.
import json
import os
import signal
import socket
import struct
import sys


def is_warm(arguments):
    if arguments[:1] == ["-m"]:
        return arguments[1] in PROGRAMS  # noqa: F821
    return bool(arguments) and os.path.basename(arguments[0]) in PROGRAMS  # noqa: F821, PTH119


def main(arguments):
    if not is_warm(arguments):
        os.execv(PYTHON, [PYTHON, *arguments])  # noqa: F821
    request = {"arguments": arguments, "environment": dict(os.environ), "folder": os.getcwd()}  # noqa: PTH109
    text = json.dumps(request).encode()
    with socket.socket(socket.AF_UNIX) as server:
        server.connect(SOCKET)  # noqa: F821
        socket.send_fds(server, [struct.pack("I", len(text))], [0, 1, 2])
        server.sendall(text)
        answers = server.makefile()
        program = int(answers.readline())
        for one in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(one, lambda number, _: os.kill(program, number))
        return int(answers.readline())


if __name__ == "__main__":
    status = main(sys.argv[1:])
    if status < 0:
        signal.signal(-status, signal.SIG_DFL)
        os.kill(os.getpid(), -status)
    sys.exit(status)
