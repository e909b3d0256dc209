"""Staging: recordings decoded on this machine into the bodies of a round's requests.

The decoder is the handler's, in its child process, so that bad sound is found here and becomes the
same error. Names follow from the shard and the sound, a body appears whole, and a shard is staged
when its index exists: a staging that was killed goes on where it was.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import numpy as np

from batch.bodies.cutting import Cutter, Stretch
from batch.bodies.index import StagedRecord, bodies_of, read_staged, write_index
from batch.bodies.reel import Reel
from batch.plan import Plan, read_shard
from batch.platforms.this_machine import available_cores
from manifests.errors import JobFailedError
from manifests.manifest_file import write_manifest
from manifests.pointers import Pointer
from manifests.scratch import scratch_folder
from manifests.storage import Store
from transform_handler.audio.decoder_process import DecoderProcess, OpenSound, SoundRequest
from transform_handler.audio.layout import SAMPLE_RATE
from transform_handler.audio.windows import Part, PlannedWindow, heard_seconds
from transform_handler.records import RecordError, RecordingError, Status, TranscriptRecord
from transform_handler.staged_body import BodyFacts, planned_windows, write_body, write_sound


@dataclass(frozen=True, kw_only=True)
class Stager:
    """Stages the shards of one round; ``tell`` hears how many of them are staged.

    ``check`` raises where there is no time for more sound.
    """

    output: Store
    plan: Plan
    number: int
    cutter: Cutter
    tell: Callable[[int, int], None]
    check: Callable[[], None]
    _decoders: SimpleQueue[DecoderProcess] = field(default_factory=SimpleQueue)
    _stopping: threading.Event = field(default_factory=threading.Event)

    def stage(self, shards: Sequence[str], answered: Collection[str]) -> list[str]:
        """Write the bodies of these shards and their manifest; returns the bodies' names.

        A body that was ``answered`` need not lie there any more.
        """
        keys = self.plan.keys
        lying = (entry.key.rpartition("/")[2] for entry in self.output.list(keys.bodies))
        present = frozenset((*lying, *answered))
        names: list[str] = []
        workers = min(available_cores(), max(1, len(shards)))
        with ExitStack() as stack:
            for _ in range(workers):
                self._decoders.put(stack.enter_context(DecoderProcess()))
            pool = stack.enter_context(ThreadPoolExecutor(workers))
            # Before the pool waits for its threads, which would hold an interrupt back.
            stack.callback(pool.shutdown, wait=False, cancel_futures=True)
            stack.callback(self._stopping.set)
            staged = [pool.submit(self._staged, shard, present) for shard in shards]
            for number, one in enumerate(staged, start=1):
                names += one.result()
                self.tell(number, len(shards))
        listed = [self._probe(), *names]
        manifest = write_manifest(self.output.uri_of(keys.bodies), listed)
        self.output.put(keys.body_manifest(self.number), manifest)
        return names

    def _probe(self) -> str:
        """A tenth of a second of silence, whose answer says that the model was loaded."""
        name = self.plan.keys.probe(self.number, "flac")
        with scratch_folder("probe") as scratch:
            file = scratch / name
            write_sound(file, np.zeros(SAMPLE_RATE // 10, dtype=np.float32), 16)
            self.output.put(self.plan.keys.bodies + name, file)
        return name

    def _staged(self, shard: str, present: frozenset[str]) -> list[str]:
        staged = read_staged(self.output, self.plan, shard)
        if staged is None or not present.issuperset(bodies_of(staged)):
            staged = self._decoded(shard)
            self.output.put(self.plan.keys.staged + shard, write_index(staged))
        return bodies_of(staged)

    def _decoded(self, shard: str) -> list[StagedRecord]:
        staged: list[StagedRecord] = []
        pointers = read_shard(self.output, self.plan.keys, shard)
        decoder = self._decoders.get()
        try:
            for number, pointer in enumerate(pointers):
                self.go_on()
                with scratch_folder("bodies") as scratch:
                    work = _Staging(
                        stager=self,
                        shard=shard,
                        number=number,
                        pointer=pointer,
                        scratch=scratch,
                    )
                    staged += work.records(decoder)
        finally:
            self._decoders.put(decoder)
        return staged

    def go_on(self) -> None:
        """Return where there is still somebody to stage for.

        Raises:
            JobFailedError: the staging was interrupted, or another shard's failed.
            DeadlineError: the time is over.
        """
        self.check()
        if self._stopping.is_set():
            raise JobFailedError("the staging was interrupted; the next run goes on with it")


@dataclass(kw_only=True)
class _Staging:
    """One pointer on its way into bodies."""

    stager: Stager
    shard: str
    number: int
    pointer: Pointer
    scratch: Path
    pieces: int = 0
    bodies: list[list[str]] = field(default_factory=list)
    """Names by channel."""

    def records(self, decoder: DecoderProcess) -> list[StagedRecord]:
        """The records that the pointer will have; bad sound is one already."""
        part = Part.of(
            self.stager.cutter.layout, offset=self.pointer.offset, duration=self.pointer.duration
        )
        try:
            with decoder.open(SoundRequest.of(self.pointer, part)) as sound:
                end = self._write_all(sound, part)
        except RecordingError as error:
            problem = RecordError(kind=error.kind, message=error.message)
            return [StagedRecord(record=self._record(status=Status.ERROR, error=problem))]
        seconds = heard_seconds(end, offset=self.pointer.offset, duration=self.pointer.duration)
        return [
            StagedRecord(
                record=self._record(
                    status=Status.EMPTY,
                    channel=self._channel(number),
                    channels=sound.channels,
                    duration=seconds,
                ),
                bodies=tuple(names),
            )
            for number, names in enumerate(self.bodies)
        ]

    def _write_all(self, sound: OpenSound, part: Part) -> int:
        """Write the bodies as the sound streams in; returns the sample at which it ended."""
        grid = self.stager.cutter.layout
        channels = sound.channels if self.pointer.channels == "split" else 1
        self.bodies = [[] for _ in range(channels)]
        reel = Reel(self.scratch, channels=channels, begin=part.begin)
        stretches = self.stager.cutter.stretches(self.pointer)
        stretch = next(stretches, None)
        for block in sound.blocks:
            self.stager.go_on()
            reel.add(block)
            while stretch is not None and (stretch.part(grid).end or 0) <= reel.end:
                self._write(sound, reel, stretch)
                stretch = next(stretches, None)
                if stretch is not None:
                    reel.let_go(stretch.part(grid).begin)
        # The recording ended: in this stretch, and perhaps in what the next one hears before it.
        while stretch is not None and _owned_by(stretch, reel):
            self._write(sound, reel, stretch)
            stretch = next(stretches, None)
        return reel.end

    def _write(self, sound: OpenSound, reel: Reel, stretch: Stretch) -> None:
        cutter, before = self.stager.cutter, self.pieces
        plans: dict[Part, list[tuple[PlannedWindow, ...]]] = {}
        for number, names in enumerate(self.bodies):
            depth = reel.depths[number]
            for count, piece in enumerate(cutter.pieces(stretch, depth), start=before):
                if not _owned_by(piece, reel):
                    break
                part = piece.part(cutter.layout)
                assert part.end is not None
                if len(self.bodies) > 1 and part not in plans:
                    blocks = reel.blocks(part.begin, part.end)
                    plans[part] = planned_windows(blocks, cutter.layout, part)
                name = self.stager.plan.keys.body(self.shard, self.number, count, number)
                facts = BodyFacts(
                    id=self.pointer.id,
                    offset=piece.offset,
                    duration=piece.duration,
                    begin=part.begin,
                    end=part.end,
                    channel=self._channel(number),
                    channels=sound.channels,
                    seconds=sound.seconds,
                    language=self.pointer.language,
                    planned=plans[part][number] if plans else None,
                )
                file = self.scratch / "body.flac"
                write_body(file, reel.samples(number, part.begin, part.end), facts, depth)
                self.stager.output.put(self.stager.plan.keys.bodies + name, file)
                names.append(name)
                self.pieces = max(self.pieces, count + 1)

    def _channel(self, number: int) -> int | None:
        return number if self.pointer.channels == "split" else None

    def _record(self, **known: Any) -> TranscriptRecord:
        plan = self.stager.plan
        return TranscriptRecord(
            id=self.pointer.id,
            uri=self.pointer.uri,
            offset=self.pointer.offset,
            language=self.pointer.language,
            model={"name": plan.model, "digest": plan.model_digest},
            decode={"digest": plan.decode_digest},
            **known,
        )


def _owned_by(stretch: Stretch, reel: Reel) -> bool:
    """Whether any of the sound lies in the stretch itself."""
    return stretch.offset * SAMPLE_RATE < reel.end
