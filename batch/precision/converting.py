"""A CTC model from torch to OpenVINO's format, and the proof that it says the same."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from manifests.errors import InputError
from transform_handler.audio.layout import SAMPLE_RATE
from transform_handler.engine.converted import FOLDER
from transform_handler.engine.loading import read_model

TOLERANCE = 1e-4
"""How far logits may lie from torch's, in parts of the largest one, or of 1 if that is less."""
CHECKED_SECONDS = (0.35, 3.0, 7.62, 20.0)

Sound = npt.NDArray[np.float32]


class NotConvertibleError(InputError):
    """A model that OpenVINO cannot run as torch does; the message is the reason."""


def convert(folder: Path, target: Path) -> Path:
    """Write the model of ``folder`` as ``target/openvino/fp32.xml`` and ``.bin``.

    Any number of samples at a time, one window a pass, float32 throughout; what it says of four
    lengths of noise is compared with torch.

    Raises:
        NotConvertibleError: naming the step that failed.
        InputError: no CTC model lies in the folder.
    """
    model, processor = read_model(folder)
    features = processor.feature_extractor
    if getattr(model.config, "adapter_attn_dim", None):
        raise NotConvertibleError("its adapters are changed by language while it runs")
    with _quietly():
        network = _traced(model, features)
        path = target / FOLDER / "fp32.xml"
        path.parent.mkdir(parents=True, exist_ok=True)
        import openvino  # noqa: PLC0415

        openvino.save_model(network, path, compress_to_fp16=False)
        _compare(model, features, path)
    return path


def heard(features: Any, sound: Sound) -> Sound:
    """What a network gets of a sound, shape (1, …)."""
    made = features(sound, sampling_rate=SAMPLE_RATE, return_tensors="np")
    (values,) = (value for name, value in made.items() if name != "attention_mask")
    return np.ascontiguousarray(values, dtype=np.float32)


@contextmanager
def without_telemetry() -> Iterator[None]:
    """OpenVINO's tools report their use to their makers, unless what sends it cannot be found."""
    name = "openvino_telemetry"
    missing = object()
    found: Any = sys.modules.get(name, missing)
    sys.modules[name] = None  # type: ignore[assignment] # what import takes for "not installed"
    try:
        yield
    finally:
        if found is missing:
            del sys.modules[name]
        else:
            sys.modules[name] = found


@contextmanager
def _quietly() -> Iterator[None]:
    with without_telemetry(), warnings.catch_warnings():
        # Tracing tells of every branch that it took; the comparison is what counts.
        warnings.simplefilter("ignore")
        yield


def _traced(model: Any, features: Any) -> Any:
    import openvino  # noqa: PLC0415
    import torch  # noqa: PLC0415

    class Logits(torch.nn.Module):
        def __init__(self, network: Any) -> None:
            super().__init__()
            self.network = network.eval()

        def forward(self, values: Any) -> Any:
            return self.network(values).logits

    example = heard(features, _noise(3.0))
    shape = openvino.PartialShape([1, -1, *example.shape[2:]])
    try:
        with torch.no_grad():
            return openvino.convert_model(
                Logits(model), example_input=torch.from_numpy(example), input=[shape]
            )
    except Exception as error:
        # Converters raise whatever they please.
        raise NotConvertibleError(
            f"it cannot be converted ({type(error).__name__}: {_first_line(error)})"
        ) from error


def _compare(model: Any, features: Any, path: Path) -> None:
    import torch  # noqa: PLC0415

    from transform_handler.engine.openvino_network import OpenVinoNetwork  # noqa: PLC0415

    try:
        network = OpenVinoNetwork(path, features)
        for seconds in CHECKED_SECONDS:
            sound = _noise(seconds)
            inputs = features(sound, sampling_rate=SAMPLE_RATE, return_tensors="pt")
            with torch.no_grad():
                expected = model(**inputs).logits[0].numpy()
            _check(network.logits(sound), expected, seconds)
    except RuntimeError as error:
        raise NotConvertibleError(f"it does not run ({_first_line(error)})") from error


def _check(found: Sound, expected: Sound, seconds: float) -> None:
    if found.shape != expected.shape:
        raise NotConvertibleError(
            f"of {seconds} s it makes {found.shape} where torch makes {expected.shape}"
        )
    error = float(np.abs(found - expected).max()) / max(1.0, float(np.abs(expected).max()))
    if not error <= TOLERANCE:
        raise NotConvertibleError(
            f"of {seconds} s its logits are {error:.1e} away from torch's; {TOLERANCE} is allowed"
        )


def _noise(seconds: float) -> Sound:
    random = np.random.default_rng(round(seconds * 100))
    return random.standard_normal(round(seconds * SAMPLE_RATE)).astype(np.float32) * np.float32(0.1)


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [""])[0][:200]
