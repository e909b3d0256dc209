"""The bundle's own code in sagemaker's handler service; a process of its own.

    python handler_service.py MODEL_DIR < requests.json

Requests are `{"headers": {…}, "body": base64}`; prints what came back of each as JSON. With
`--device ID` it prints the device that a worker with that GPU would load the model on.
"""

from __future__ import annotations

import base64
import json
import sys
from typing import Any


class Context:
    """What the model server gives a handler: properties of the worker and of one request."""

    def __init__(self, model_dir: str, gpu: int | None, headers: dict[str, str]) -> None:
        self.system_properties = {"model_dir": model_dir, "gpu_id": gpu, "batch_size": 1}
        self.request_processor = [self]
        self.headers, self.status, self.kind = headers, 200, ""

    def get_request_properties(self) -> dict[str, str]:
        return self.headers

    def set_response_status(self, code: int, phrase: str) -> None:
        self.status = code

    def set_response_content_type(self, index: int, kind: str) -> None:
        self.kind = kind


def main() -> None:
    from sagemaker_inference.default_handler_service import DefaultHandlerService

    model_dir = sys.argv[1]
    service: Any = DefaultHandlerService()
    if "--device" in sys.argv:
        sys.stdout.write(json.dumps(device_of(service, model_dir, int(sys.argv[-1]))))
        return
    service.initialize(Context(model_dir, None, {}))
    answers = []
    for request in json.load(sys.stdin):
        context = Context(model_dir, None, request["headers"])
        body = bytearray(base64.b64decode(request["body"]))
        (text,) = service.handle([{"body": body}], context)
        answers.append({"status": context.status, "kind": context.kind, "text": text})
    modules = {name: sys.modules[name].__file__ for name in ("inference", "transform_handler")}
    sys.stdout.write(
        json.dumps({"answers": answers, "modules": modules, "batch": "batch" in sys.modules})
    )


def device_of(service: Any, model_dir: str, gpu: int) -> str:
    import torch

    from transform_handler import handler

    torch.cuda.is_available = lambda: True

    def stop(_folder: object, *, device: str, **_: object) -> None:
        raise InterruptedError(device)

    handler.load_engine = stop  # type: ignore[assignment]
    try:
        service.initialize(Context(model_dir, gpu, {}))
    except InterruptedError as found:
        return str(found)
    return "none"


if __name__ == "__main__":
    main()
