"""What was converted once, kept below the output: no later run, and no release, converts it again.

    models/<name>/converted/<digest of its inputs>/card.json, int8.xml, int8.bin

The card is written last, so it stands for whole files; of a refused ``fast`` too, so that a night
is refused at once and an ``accept`` finds the network ready. ``exact`` keeps its card alone: its
network is large, and is the same whenever it is made.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from batch.precision.making import Made, Making
from manifests.storage import Store
from transform_handler.identity import BundleCard, digest_of

_COPIED_BYTES = 16 << 20
_CARD = "card.json"


@dataclass(frozen=True, kw_only=True)
class Kept:
    """The place of one conversion below an output."""

    output: Store
    making: Making

    @property
    def digest(self) -> str:
        """Twelve hexadecimal digits of all that the conversion depends on."""
        plain = self.making.plain
        return digest_of(
            {
                "model": plain.model_digest,
                "decode": plain.decode_digest,
                **self.making.inputs,
            }
        )

    def card(self) -> BundleCard | None:
        """What was found when it was made; None where it was not yet."""
        if self.output.stat(self._key(_CARD)) is None:
            return None
        return BundleCard.from_json(self.output.read(self._key(_CARD)), name=self._key(_CARD))

    def has_network(self) -> bool:
        """Whether a bundle can be made of what is kept."""
        return self.making.is_fast and all(
            self.output.stat(self._key(one)) is not None for one in (*self.making.names, _CARD)
        )

    def files(self, folder: Path, scratch: Path, *, name: str) -> Made:
        """The network below ``scratch``: as it was kept, else made of ``folder``, and then kept.

        Raises:
            InputError: as ``Making.make``.
        """
        card = self.card()
        if card is not None and self.has_network():
            names = self.making.names
            return Made(files={one: self._fetched(one, scratch) for one in names}, card=card)
        made = self.making.make(folder, scratch, name=name)
        self._keep(made.files if self.making.is_fast else {}, made.card)
        return made

    def _keep(self, files: Mapping[str, Path], card: BundleCard) -> None:
        for name, path in files.items():
            self.output.put(self._key(name), path)
        self.output.put(self._key(_CARD), card.to_json().encode())

    def _fetched(self, name: str, scratch: Path) -> Path:
        target = scratch / name
        target.parent.mkdir(parents=True, exist_ok=True)
        with self.output.open(self._key(name)) as source, target.open("wb") as file:
            shutil.copyfileobj(source, file, _COPIED_BYTES)
        return target

    def _key(self, name: str) -> str:
        place = f"models/{self.making.plain.name}/converted/{self.digest}"
        return f"{place}/{name.rpartition('/')[2]}"
