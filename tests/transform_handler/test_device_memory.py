"""Batches are sized by the device's memory, and running out of it has one name."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import Wav2Vec2Config, WavLMConfig

from transform_handler.engine import device_memory
from transform_handler.engine.device_memory import bytes_for_second, limits_for, memory_errors

BASE = Wav2Vec2Config()
GIB = 1 << 30


@pytest.mark.parametrize(
    "said",
    [
        "CUDA out of memory. Tried to allocate 2.00 GiB.\nmore",
        (
            "[enforce fail at alloc_cpu.cpp:124] . DefaultCPUAllocator: can't allocate memory: you "
            "tried to allocate 9 bytes. Error code 12 (Cannot allocate memory)"
        ),
        "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
    ],
)
def test_every_way_of_running_out_of_memory_is_a_memory_error(said: str) -> None:
    with pytest.raises(MemoryError), memory_errors():
        raise RuntimeError(said)


def test_torchs_own_kind_of_it_is_one_too() -> None:
    with pytest.raises(MemoryError), memory_errors():
        raise torch.cuda.OutOfMemoryError("CUDA out of memory.")


def test_a_real_allocation_that_fails_is_one() -> None:
    with pytest.raises(MemoryError), memory_errors():
        torch.empty(1 << 60, dtype=torch.float32)


def test_other_errors_stay_what_they_are() -> None:
    with pytest.raises(RuntimeError, match="shapes"), memory_errors():
        raise RuntimeError("shapes do not fit")


def test_base_in_half_precision_needs_eight_megabytes_for_a_second() -> None:
    # 3,200 frames of 512 channels in two bytes, two and a half times.
    assert bytes_for_second(BASE, itemsize=2, hop=320) == 3_200 * 512 * 2 * 2.5


def test_score_tables_are_counted_where_attention_keeps_them() -> None:
    wide = {"conv_dim": (8,) * 7, "hidden_size": 64, "intermediate_size": 64}
    plain = bytes_for_second(Wav2Vec2Config(**wide), itemsize=4, hop=320)
    with_scores = bytes_for_second(WavLMConfig(**wide), itemsize=4, hop=320)
    assert with_scores - plain == pytest.approx(3 * 12 * 1_000 * 50 * 4, rel=0.02)


@given(st.integers(1, 200), st.sampled_from([2, 4]))
def test_a_batch_takes_half_of_the_free_memory_at_most_and_stops_growing(
    gib: int, itemsize: int
) -> None:
    seconds, limits = limits_for(BASE, free_bytes=gib * GIB, itemsize=itemsize, hop=320)
    needed = seconds * bytes_for_second(BASE, itemsize=itemsize, hop=320)
    assert needed <= gib * GIB / 2 or seconds == device_memory.SHORTEST_PASS_SECONDS
    assert device_memory.SHORTEST_PASS_SECONDS <= seconds <= device_memory.LONGEST_PASS_SECONDS
    assert limits.seconds == device_memory.PASSES * seconds


def test_a_large_gpu_takes_the_longest_pass() -> None:
    seconds, _ = limits_for(BASE, free_bytes=14 * GIB, itemsize=2, hop=320)
    assert seconds == device_memory.LONGEST_PASS_SECONDS
