"""Re-create the demo's sound: `python -m demo.recipe.build [archive|finetune|corpus …]`.

The same flite, libsndfile and FFmpeg give the same bytes. The corpus goes to `demo/build`, which is
not kept; the archive and the fine-tuning set are shipped.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

from demo.recipe.archive import write_archive
from demo.recipe.corpus import write_corpus
from demo.recipe.finetune import write_finetune
from demo.recipe.texts import texts
from demo.recipe.turns import write_turns

DEMO = Path(__file__).resolve().parent.parent
_PARTS = ("archive", "finetune", "corpus")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", help=f"{', '.join(_PARTS)} (default: all)")
    parts = parser.parse_args().parts or _PARTS
    if strange := set(parts) - set(_PARTS):
        parser.error(f"unknown part {', '.join(sorted(strange))}; known: {', '.join(_PARTS)}")
    said = texts()
    if "archive" in parts:
        shutil.rmtree(DEMO / "archive", ignore_errors=True)
        write_archive(said.archive, DEMO)
    if "finetune" in parts:
        shutil.rmtree(DEMO / "finetune", ignore_errors=True)
        write_finetune(said.finetune, DEMO / "finetune")
    if "corpus" in parts:
        write_corpus(said, DEMO / "build")
        write_turns(DEMO / "build")


if __name__ == "__main__":
    main()
