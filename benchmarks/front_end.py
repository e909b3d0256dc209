"""On a CPU: one window a pass through our network against the library's, with the same weights.

Prints the shares of the front end (convolutions) and of the whole, as ratios of the fastest of
interleaved repeats: on a machine that others use the median measures them.
"""

from __future__ import annotations

import copy
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

import torch  # noqa: E402
import transformers  # noqa: E402

from benchmarks.gpu.work import LARGE, windows_of_noise  # noqa: E402
from transform_handler.engine.torch_network import TorchNetwork  # noqa: E402

SECONDS = 15.0
REPEATS = 7
# The size of base with the norms of large, whose front end is the same size.
KINDS = {
    "group norm": {},
    "layer norm": {
        name: LARGE[name] for name in ("feat_extract_norm", "do_stable_layer_norm", "conv_bias")
    },
}


def main() -> None:
    (window,) = windows_of_noise(1, shortest=SECONDS, longest=SECONDS)
    extractor = transformers.Wav2Vec2FeatureExtractor(do_normalize=True)
    for name, changes in KINDS.items():
        torch.manual_seed(0)
        model = transformers.Wav2Vec2ForCTC(transformers.Wav2Vec2Config(**changes)).eval()
        network = TorchNetwork(copy.deepcopy(model), extractor, device="cpu")
        given = extractor([window], sampling_rate=16_000, return_tensors="pt").input_values

        def theirs(model: Any = model) -> Any:
            inputs = extractor([window], sampling_rate=16_000, return_tensors="pt")
            return torch.log_softmax(model(**inputs).logits, dim=-1).max(dim=-1)

        with torch.inference_mode():
            heard = network._inputs([window]).arguments["input_values"]
            front = network._model.wav2vec2.feature_extractor
            report(
                f"{name}, front end",
                lambda model=model, given=given: model.wav2vec2.feature_extractor(given),
                lambda front=front, heard=heard: front(heard),
            )
            report(name, theirs, lambda network=network: network([window], language=None))


def report(name: str, theirs: Callable[[], Any], ours: Callable[[], Any]) -> None:
    best = {theirs: float("inf"), ours: float("inf")}
    for _ in range(REPEATS):
        for work, fastest in best.items():
            start = time.perf_counter()
            work()
            best[work] = min(fastest, time.perf_counter() - start)
    print(
        f"{name:24} the library's {best[theirs] * 1e3:7.0f} ms, ours {best[ours] * 1e3:7.0f} ms, "
        f"ratio {best[theirs] / best[ours]:.2f}",
        flush=True,
    )


if __name__ == "__main__":
    main()
