"""The ledger: results by identity, small Parquet files by run; a recording's newest line wins."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from batch.layout import LEDGER as FOLDER
from batch.parquet import read_parquet, reading
from batch.schema import LEDGER
from manifests.parallel import read_ahead
from manifests.recordings import ID_DIGITS, Recording
from manifests.storage import Store

# Columns with few values: a million lines of them take a few bytes each.
_FEW = ["channels", "model_digest", "decode_digest", "status", "error_kind", "run_id"]
_SCHEMA = pa.schema(
    [
        field.with_type(pa.dictionary(pa.int32(), pa.string())) if field.name in _FEW else field
        for field in LEDGER
    ]
)
MOVED = "moved"
"""The status of a recording whose content was found under another path: it has no row any more."""
_JUDGED = ["channels", "model_digest", "decode_digest", "status", "error_kind"]


@dataclass(frozen=True, kw_only=True)
class Result:
    """One line of the ledger: what is known of a recording, and under which identity."""

    id: str
    path: str
    etag: str | None
    version: str | None
    size: int | None
    channels: str
    model_digest: str
    decode_digest: str
    status: str
    error_kind: str | None
    attempts: int
    duration: float | None
    run_id: str

    @property
    def made_with(self) -> tuple[str, str, str]:
        """The settings that it depends on: channel mode, model digest, decode digest."""
        return self.channels, self.model_digest, self.decode_digest


class Ledger(Mapping[str, Result]):
    """The newest result of each recording, by id.

    A table of columns sorted by id: a million results are held in some 200 MB, and compared with a
    listing in seconds.
    """

    def __init__(self, lines: pa.Table) -> None:
        self._table, self._ids = _newest(lines.cast(_SCHEMA).combine_chunks())

    @classmethod
    def of(cls, results: Iterable[Result]) -> Ledger:
        """A ledger of these lines."""
        return cls(pa.Table.from_pylist([asdict(one) for one in results], LEDGER))

    def __len__(self) -> int:
        return len(self._ids)

    def __iter__(self) -> Iterator[str]:
        yield from self._table["id"].to_pylist()

    def __getitem__(self, one: str) -> Result:
        (place,) = self.places([one])
        if place < 0:
            raise KeyError(one)
        return self.at(int(place))

    def at(self, place: int) -> Result:
        """The result at a place."""
        return Result(**self._table.slice(place, 1).to_pylist()[0])

    def run_of(self, one: str) -> str | None:
        """The run that a recording's result is of, None where it has none."""
        (place,) = self.places([one])
        return self._table["run_id"][int(place)].as_py() if place >= 0 else None

    def column(self, name: str) -> pa.ChunkedArray:
        """A column, in the order of places."""
        return self._table[name]

    def places(self, ids: Sequence[str]) -> npt.NDArray[np.int64]:
        """Where the results of these recordings are, -1 where there is none."""
        wanted = np.array(ids, f"S{ID_DIGITS}")
        if not len(self):
            return np.full(len(wanted), -1)
        found = np.minimum(np.searchsorted(self._ids, wanted), len(self) - 1)
        return np.where(self._ids[found] == wanted, found, -1)

    def beside(self, places: npt.NDArray[np.int64], etags: Collection[str]) -> Iterator[Result]:
        """Results at no place of ``places``, of content with one of these change tokens."""
        known = np.array(pc.is_in(self._table["etag"], pa.array(etags, pa.string())))
        known[places[places >= 0]] = False
        for row in self._table.filter(pa.array(known)).to_pylist():
            if row["status"] != MOVED:
                yield Result(**row)

    def unlisted(self, ids: Sequence[str]) -> int:
        """How many recordings with a row are not among these."""
        found = np.ones(len(self), bool)
        places = self.places(ids)
        found[places[places >= 0]] = False
        moved = np.array(pc.equal(self._table["status"], MOVED))
        return int(np.count_nonzero(found & ~moved))

    def same_version(
        self, recordings: Sequence[Recording], places: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.bool_]:
        """Whether the result at each place is of the version that was listed."""
        known = pa.array(places, mask=places < 0)
        same = pa.array(places >= 0)
        for name in ("etag", "version", "size"):
            listed = pa.array([getattr(one, name) for one in recordings], LEDGER.field(name).type)
            ours = self._table[name].take(known)
            both = pc.and_(pc.is_null(ours), pc.is_null(listed))
            equal = pc.fill_null(pc.equal(ours, listed), pa.scalar(False))  # noqa: FBT003
            same = pc.and_(same, pc.or_(both, equal))
        return np.asarray(same.to_numpy(zero_copy_only=False), bool)

    def kinds(self) -> npt.NDArray[np.int64]:
        """A number for each result, equal where all is equal that decides on its next run."""
        kinds = np.zeros(len(self), np.int64)
        for column in (*(self._table[name] for name in _JUDGED), self._table["attempts"]):
            codes = column.combine_chunks()
            if not pa.types.is_dictionary(codes.type):
                codes = pc.dictionary_encode(codes)
            numbers = pc.fill_null(codes.indices, len(codes.dictionary)).to_numpy()
            _, kinds = np.unique(kinds * (len(codes.dictionary) + 1) + numbers, return_inverse=True)
        return kinds


def read_ledger(output: Store, *, without: str = "") -> Ledger:
    """The newest result of each recording, leaving out what run ``without`` wrote."""
    keys = [entry.key for entry in output.list(FOLDER)]
    tables = [LEDGER.empty_table().cast(_SCHEMA)]
    for key, data in zip(keys, read_ahead(output, keys), strict=True):
        with reading(output.uri_of(key)):
            table = read_parquet(data, dictionaries=_FEW).cast(_SCHEMA)
        tables.append(table.filter(pc.not_equal(table["run_id"], without)))
    return Ledger(pa.concat_tables(tables))


def _newest(lines: pa.Table) -> tuple[pa.Table, npt.NDArray[np.bytes_]]:
    """The last run's line of each recording, sorted by id, and the ids."""
    if not len(lines):
        return lines, np.empty(0, f"S{ID_DIGITS}")
    fixed = lines["id"].combine_chunks().cast(pa.binary()).cast(pa.binary(ID_DIGITS))
    ids = np.frombuffer(fixed.buffers()[1], f"S{ID_DIGITS}")[fixed.offset :][: len(fixed)]
    runs = lines["run_id"].combine_chunks()
    # Run ids sort by time.
    rank = np.argsort(np.argsort(runs.dictionary.to_pylist()))[runs.indices.to_numpy()]
    order = np.lexsort((rank, ids))
    last = np.append(ids[order][1:] != ids[order][:-1], True)
    kept = order[last]
    return lines.take(pa.array(kept)), ids[kept]
