"""The child process that decodes: a decoder that crashes or hoards memory dies here, alone.

Reads one JSON request a line from standard input; answers on standard output with messages of
one tag byte, four bytes of length (little-endian) and the payload:

    R  the child has started and is ready (once, before the first request)
    O  JSON: the recording is open (``channels``, ``sample_rate``, ``seconds``)
    B  a block of 16 kHz float32 samples, interleaved
    E  the end of the sound; JSON how its channels were mixed (``mean``, ``polarity``,
       ``left_out``, in seconds), nothing where there was one or they were split
    X  JSON: the recording cannot be read (``kind``, ``message``)
"""

from __future__ import annotations

import json
import os
import resource
import struct
import sys
from collections.abc import Callable
from dataclasses import asdict
from typing import Any, BinaryIO

import numpy as np

from manifests.errors import (
    AccessDeniedError,
    NightscribeError,
    NotAFileError,
    ObjectChangedError,
    ObjectNotFoundError,
    UnavailableError,
)
from manifests.local_store import check_unchanged
from manifests.storage import open_uri
from transform_handler.audio.reading import open_decoder, stream
from transform_handler.audio.sound_facts import MixSeconds
from transform_handler.records import ErrorKind, RecordingError

HEADER = struct.Struct("<cI")
Send = Callable[[bytes, bytes], None]


def main() -> None:
    """Serve requests until standard input closes."""
    _limit_memory(int(sys.argv[1]) << 20)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    out = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # a library that prints must not break the messages

    def send(tag: bytes, payload: bytes) -> None:
        _write_all(out, HEADER.pack(tag, len(payload)) + payload)

    send(b"R", b"")
    for line in sys.stdin:
        _serve(json.loads(line), send)


def _limit_memory(limit: int) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    if hard != resource.RLIM_INFINITY:
        limit = min(limit, hard)  # raising it is not ours to do
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def _write_all(out: Any, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[out.write(view) :]


def _serve(request: dict[str, Any], send: Send) -> None:
    try:
        with open_uri(request["uri"], etag=request["etag"]) as file:
            try:
                mix = _decode(file, request, send)
            finally:  # damage, too, may be what somebody is writing
                check_unchanged(file, request["etag"])
        send(b"E", b"" if mix is None else json.dumps(asdict(mix)).encode())
    except RecordingError as error:
        _fail(send, error.kind, error.message)
    # No location in these sentences: the same archive elsewhere gives the same rows.
    except ObjectNotFoundError:
        _fail(send, ErrorKind.NOT_FOUND, "the recording is not there any more")
    except ObjectChangedError:
        _fail(send, ErrorKind.CHANGED, "the recording changed after the run was planned")
    except AccessDeniedError:
        _fail(send, ErrorKind.FORBIDDEN, "storage does not allow reading the recording")
    except NotAFileError:
        _fail(send, ErrorKind.UNSUPPORTED_FORMAT, "a pipe, a device or a folder, and no file")
    except MemoryError:
        _fail(send, ErrorKind.CORRUPT, f"decoding needs more than {sys.argv[1]} MB")
    except UnavailableError:
        _fail(send, ErrorKind.UNAVAILABLE, "storage does not answer, or is too busy")
    except (NightscribeError, OSError) as error:
        _fail(send, ErrorKind.INTERNAL, f"storage could not be read ({_said(error)})")
    except Exception as error:  # noqa: BLE001 - one recording, one record, whatever happens
        _fail(send, ErrorKind.INTERNAL, f"decoding failed ({type(error).__name__})")


def _decode(file: BinaryIO, request: dict[str, Any], send: Send) -> MixSeconds | None:
    told: list[MixSeconds] = []
    with open_decoder(file) as decoder:
        info = decoder.info
        opened = {
            "channels": info.channels,
            "sample_rate": info.sample_rate,
            "seconds": info.seconds,
        }
        send(b"O", json.dumps(opened).encode())
        blocks = stream(
            decoder,
            mode=request["mode"],
            offset=request["offset"],
            duration=request["duration"],
            tell_mix=told.append,
        )
        for block in blocks:
            send(b"B", np.ascontiguousarray(block, dtype="<f4").tobytes())
    return told[0] if told else None


def _said(error: Exception) -> str:
    """The system's words for what happened: ours have the location in them."""
    causes = (getattr(one, "strerror", None) for one in (error.__cause__, error))
    return next(filter(None, causes), type(error).__name__)


def _fail(send: Send, kind: ErrorKind, message: str) -> None:
    send(b"X", json.dumps({"kind": kind, "message": message}).encode())


if __name__ == "__main__":
    main()
