"""First thing that runs in a training container: its folders become ``SM_*``, then training starts.

Needs Python's own library only. SageMaker hands a job over as files below ``/opt/ml``; the names
``SM_*`` are those of its training toolkit, so that ``training.train`` starts the same way here and
under that toolkit. ``NIGHTSCRIBE_ML_PREFIX`` moves ``/opt/ml`` to another place.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

PREFIX_VARIABLE = "NIGHTSCRIBE_ML_PREFIX"
INSTALL_VARIABLE = "NIGHTSCRIBE_INSTALL"
CHECKPOINT_VARIABLE = "NIGHTSCRIBE_CHECKPOINT_DIR"
_RENDEZVOUS_PORT = 7777


def main() -> int:
    """Install what the image lacks, then become the training process, which gets the signals."""
    prefix = Path(os.environ.get(PREFIX_VARIABLE) or "/opt/ml")
    code = Path(__file__).resolve().parents[1]
    variables = container_variables(prefix)
    os.environ.update(variables)
    if os.environ.get(INSTALL_VARIABLE) != "no":
        failed = subprocess.call(install_command(code))
        if failed:
            reason = f"pip could not install {code / 'requirements.txt'} (status {failed})"
            (prefix / "output").mkdir(parents=True, exist_ok=True)
            (prefix / "output/failure").write_text(
                f"{reason}; without internet the source bundle needs wheels: [sagemaker] wheels",
                "utf-8",
            )
            return failed
    os.chdir(code)
    command = training_command(variables)
    return os.execv(command[0], command)  # noqa: S606 - no shell, and the process id stays


def container_variables(prefix: Path) -> dict[str, str]:
    """The ``SM_*`` variables of a container whose ``/opt/ml`` is ``prefix``."""
    config = prefix / "input/config"
    given = _json(config / "hyperparameters.json")
    resources = _json(config / "resourceconfig.json")
    channels = sorted(_json(config / "inputdataconfig.json"))
    hosts = resources.get("hosts") or ["algo-1"]
    return {
        "SM_HPS": json.dumps({name: _value(text) for name, text in given.items()}),
        "SM_CHANNELS": json.dumps(channels),
        **{f"SM_CHANNEL_{name.upper()}": str(prefix / "input/data" / name) for name in channels},
        "SM_MODEL_DIR": str(prefix / "model"),
        "SM_OUTPUT_DIR": str(prefix / "output"),
        "SM_OUTPUT_DATA_DIR": str(prefix / "output/data"),
        "SM_HOSTS": json.dumps(hosts),
        "SM_CURRENT_HOST": str(resources.get("current_host") or hosts[0]),
        "SM_NUM_GPUS": str(_gpus()),
        CHECKPOINT_VARIABLE: str(prefix / "checkpoints"),
    }


def install_command(code: Path) -> list[str]:
    """Install ``requirements.txt``: from the bundle's own wheels where it has them."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    if (code / "wheels").is_dir():
        command += ["--no-index", "--find-links", str(code / "wheels")]
    return [*command, "-r", str(code / "requirements.txt")]


def training_command(variables: dict[str, str]) -> list[str]:
    """One process; or one for each GPU of each host, by torchrun."""
    hosts, gpus = json.loads(variables["SM_HOSTS"]), int(variables["SM_NUM_GPUS"])
    if len(hosts) == 1 and gpus < 2:
        return [sys.executable, "-m", "training.train"]
    return [
        *(sys.executable, "-m", "torch.distributed.run"),
        f"--nnodes={len(hosts)}",
        f"--node_rank={hosts.index(variables['SM_CURRENT_HOST'])}",
        f"--nproc_per_node={max(1, gpus)}",
        f"--master_addr={hosts[0]}",
        f"--master_port={_RENDEZVOUS_PORT}",
        *("-m", "training.train"),
    ]


def _gpus() -> int:
    """NVIDIA devices that the container sees; asking torch would load it once more."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return len([one for one in visible.split(",") if one.strip() not in ("", "-1")])
    return len(list(Path("/dev").glob("nvidia[0-9]*")))


def _json(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    content: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return content


def _value(text: Any) -> Any:
    """A hyperparameter: all are strings in the API, and ours are JSON."""
    try:
        return json.loads(text)
    except (TypeError, ValueError):
        return text


if __name__ == "__main__":
    sys.exit(main())
