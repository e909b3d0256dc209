"""Names that people, programs and attackers give, and what is no file at all."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.hostile.encoded import encoded
from tests.hostile.hostile_file import (
    EMPTY_FILE,
    FORBIDDEN,
    NOT_FOUND,
    OK,
    UNSUPPORTED,
    HostileFile,
    of_bytes,
)

_NAMES = [
    "..wav", "...wav", "..odd...wav", "..%2f..%2fetc%2fpasswd.wav", "%41%00.wav", "-rf.wav",
    "--set output.uri=x.wav", "~root.wav", "$HOME.wav", "`id`.wav", "a;b|c&d.wav", "new\nline.wav",
    "carriage\rreturn.wav", "tab\tin.wav", "bell\a.wav", "escape\x1b[31mred.wav", "delete\x7f.wav",
    "quote ' and \".wav", "back\\slash.wav", "{json}.wav", "comma, semicolon;.wav", " leading.wav",
    "trailing .wav", "emoji \N{STUDIO MICROPHONE}.wav", "right\u202eleft.wav",
    "zero\u200bwidth.wav",
    "line\u2028separator.wav", "bom\ufeff.wav", "null\u2400.wav", "<script>alert(1)<|script>.wav",
    "<img src=x onerror=alert(1)>.wav", "=cmd|'|C calc'!A0.wav", "+1+1.wav", "@SUM(1+1).wav",
    "CON.wav", "aux.wav", "glob*[a-z]?.wav", "#fragment?query=1.wav", "file:", "s3:",
    "report.html.wav", "plan.json.wav", ".hidden.wav", "Case.wav", "case.wav", "CASE.WAV",
    "Zu\u0308rich.wav", "Z\u00fcrich.wav", "\u2126hm.wav", "\u03a9hm.wav", "|pipe|.wav",
]  # fmt: skip
_BYTES = [b"invalid\xff\xfe.wav", b"half\xc3.wav", b"surrogate\xed\xa0\x80.wav", b"latin-\xe4.wav"]


def strange_names() -> Iterator[HostileFile]:
    """Good recordings of every name that a file system lets through."""
    names = [*_NAMES, *map(os.fsdecode, _BYTES)]
    names += ["x" * 251 + ".wav", "\N{STUDIO MICROPHONE}" * 62 + ".wav"]
    names += ["deep/" * 60 + "recording.wav", "dots/.../..../x.wav", "x.wav/inside.wav"]
    for name in names:
        yield of_bytes("name", name, encoded("wav"), OK)


def no_files(outside: Path) -> Iterator[HostileFile]:
    """Links, pipes, sockets and devices; ``outside`` is a folder that is not the archive's."""
    secret = outside / "secret.wav"
    outside.mkdir(exist_ok=True)
    secret.write_bytes(encoded("wav"))
    for name, target, ends in (
        ("link-inside.wav", "0-good-0.wav", OK),
        ("link-outside.wav", str(secret), FORBIDDEN),
        ("link-outside-relative.wav", f"../../{outside.name}/secret.wav", FORBIDDEN),
        ("link-dangling.wav", "nothing.wav", NOT_FOUND),
        ("link-dangling-outside.wav", "/nonexistent/nothing.wav", FORBIDDEN),
        ("link-to-itself.wav", "link-to-itself.wav", NOT_FOUND),
        ("link-there.wav", "link-and-back.wav", NOT_FOUND),
        ("link-and-back.wav", "link-there.wav", NOT_FOUND),
        ("device-zero.wav", "/dev/zero", FORBIDDEN),
        ("device-random.wav", "/dev/urandom", FORBIDDEN),
        ("terminal.wav", "/dev/tty", FORBIDDEN),
        ("standard-input.wav", "/proc/self/fd/0", FORBIDDEN),
        ("memory.wav", "/proc/self/mem", FORBIDDEN),
        ("through-a-file.wav", "0-good-0.wav/x.wav", NOT_FOUND),
    ):
        yield HostileFile(group="no file", name=name, make=_link(target), ends=ends)
    yield HostileFile(group="no file", name="pipe.wav", make=os.mkfifo, ends=UNSUPPORTED)
    yield HostileFile(group="no file", name="socket.wav", make=_socket, ends=UNSUPPORTED)
    yield HostileFile(group="no file", name="unreadable.wav", make=_unreadable, ends=FORBIDDEN)
    yield of_bytes("no file", "empty.wav", b"", EMPTY_FILE)


def _link(target: str) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        path.symlink_to(target)

    return make


def _socket(path: Path) -> None:
    # The name of a socket has 108 bytes at most: bound by a short one, then moved.
    short = Path(os.sep, "tmp", f"nightscribe-{os.getpid()}")
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(short))
    short.rename(path)


def _unreadable(path: Path) -> None:
    path.write_bytes(encoded("wav"))
    path.chmod(0)
