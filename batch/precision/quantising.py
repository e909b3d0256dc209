"""A converted network in 8 bits: weights and activations, ranges found on sound it hears once."""

from __future__ import annotations

import contextlib
import io
import logging
from collections.abc import Iterator, Sequence
from pathlib import Path

from batch.precision.converting import Sound, without_telemetry

NNCF = "3.4.0"


def quantise(exact: Path, calibration: Sequence[Sound]) -> Path:
    """Write ``int8.xml`` and ``.bin`` beside ``exact``; ``calibration`` is what the network hears.

    Static 8-bit quantisation as in NNCF's post-training recipe for transformers (SmoothQuant,
    Xiao et al. 2023, and a correction of biases).
    """
    with without_telemetry(), _silently():
        import nncf  # noqa: PLC0415
        import openvino  # noqa: PLC0415

        network = nncf.quantize(
            openvino.Core().read_model(exact),
            nncf.Dataset(list(calibration)),
            model_type=nncf.ModelType.TRANSFORMER,
            subset_size=len(calibration),
        )
        path = exact.with_name("int8.xml")
        openvino.save_model(network, path, compress_to_fp16=False)
    return path


@contextlib.contextmanager
def _silently() -> Iterator[None]:
    logger = logging.getLogger("nncf")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        # Its progress bars go to standard output, where commands answer machines.
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        logger.setLevel(level)
