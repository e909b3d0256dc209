"""The toolkit's own entry point, as the container's; its settings go to a file that is named here.

    serve.py SETTINGS

The toolkit writes them below /etc, which is the container's and not this machine's.
"""

from __future__ import annotations

import sys

from sagemaker_huggingface_inference_toolkit import mms_model_server, serving
from sagemaker_inference import model_server

if __name__ == "__main__":
    model_server.MMS_CONFIG_FILE = mms_model_server.MMS_CONFIG_FILE = sys.argv[1]
    serving.main()
