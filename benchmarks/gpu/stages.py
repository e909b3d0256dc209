"""Where a pass spends its time: by stage, by event, and by kernel."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import torch

from benchmarks.gpu.work import Machine, Ours
from transform_handler.engine.frames import Samples


class Clock:
    """Marks in the stream of work; on a CPU the time of day."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._marks: list[tuple[str, Any]] = []

    def begin(self) -> None:
        self._marks.clear()
        self.mark("")

    def mark(self, name: str) -> None:
        if self._machine.cuda:
            event = torch.cuda.Event(enable_timing=True)
            event.record()
            self._marks.append((name, event))
        else:
            self._marks.append((name, time.perf_counter()))

    def spans(self) -> dict[str, float]:
        """Milliseconds by the name of the mark that ends them."""
        self._machine.wait()
        found: dict[str, float] = {}
        for (_, begin), (name, end) in zip(self._marks, self._marks[1:], strict=False):
            took = begin.elapsed_time(end) if self._machine.cuda else (end - begin) * 1e3
            found[name] = found.get(name, 0.0) + took
        return found


def by_stage(ours: Ours, machine: Machine, windows: Sequence[Samples]) -> None:
    """One batch, in its passes; hooks mark where the stages end."""
    clock = Clock(machine)
    network = ours.network
    model = network._model
    base = getattr(model, model.base_model_prefix)
    marks = [
        model.register_forward_pre_hook(lambda *_: clock.mark("copy in, normalise")),
        base.feature_extractor.register_forward_hook(lambda *_: clock.mark("convolutions")),
        base.feature_projection.register_forward_hook(lambda *_: clock.mark("projection")),
        base.encoder.pos_conv_embed.register_forward_hook(lambda *_: clock.mark("positions")),
        base.encoder.register_forward_hook(lambda *_: clock.mark("encoder layers")),
        model.register_forward_hook(lambda *_: clock.mark("head")),
    ]
    network(windows, language=None)
    machine.wait()
    clock.begin()
    network(windows, language=None)
    clock.mark("softmax, copy out")
    for handle in marks:
        handle.remove()
    # Work before the next pass's first mark is the last one's softmax, and staging.
    spans = clock.spans()
    total = sum(spans.values())
    seconds = sum(len(window) for window in windows) / 16_000
    print(f"  {seconds:.0f} s of sound in {total:.1f} ms (RTFx {seconds / total * 1e3:,.0f}):")
    for name, took in spans.items():
        print(f"    {name:22} {took:8.2f} ms {took / total:6.1%}", flush=True)


def by_kernel(ours: Ours, machine: Machine, windows: Sequence[Samples], *, top: int = 14) -> None:
    activity = torch.profiler.ProfilerActivity
    kinds = [activity.CPU, activity.CUDA] if machine.cuda else [activity.CPU]
    with torch.profiler.profile(activities=kinds) as profile:
        ours.network(windows, language=None)
        machine.wait()
    found = profile.key_averages()
    if machine.cuda:
        rows = [(e.key, e.self_device_time_total, e.count) for e in found if is_kernel(e)]
    else:
        rows = [(e.key, e.self_cpu_time_total, e.count) for e in found]
    total = sum(row[1] for row in rows) or 1
    print(f"  kernels, {total / 1e3:.1f} ms in all:")
    for key, took, count in sorted(rows, key=lambda row: -row[1])[:top]:
        print(f"    {took / total:6.1%} {took / 1e3:8.2f} ms {count:5}x  {key[:90]}", flush=True)


def is_kernel(event: Any) -> bool:
    return event.self_device_time_total > 0 and event.device_type.name == "CUDA"
