"""Where things lie below the output location."""

from __future__ import annotations

from dataclasses import dataclass

ARCHIVE_MARK = "archive.json"
CLAIM = "claim/"
LEDGER = "ledger/"
TRANSCRIPTS = "transcripts"
SEGMENTS = "segments"
HISTORY = "history"
GOLDEN = "golden"
MODELS = "models/"
# What only a run writes, besides its own folders.
WRITTEN = (CLAIM, LEDGER, "pending/", f"{TRANSCRIPTS}/", f"{SEGMENTS}/", f"{HISTORY}/")
# In the names of files that hold the rows of several others.
MERGED = "-merged-"
# Sorts before the names of shards and bodies, which have more digits.
PROBE = "-0."


@dataclass(frozen=True, kw_only=True)
class RunKeys:
    """The keys of one run. Rounds after the first carry their number."""

    run_id: str

    @property
    def folder(self) -> str:
        """Everything that the run itself needs."""
        return f"runs/{self.run_id}/"

    @property
    def dt(self) -> str:
        """The night's date, with which run ids begin."""
        return self.run_id[: len("2026-11-23")]

    @property
    def plan(self) -> str:
        """What the run takes on, frozen; it exists once the run may start."""
        return f"{self.folder}plan.json"

    @property
    def summary(self) -> str:
        """What came of it; a run is finished when this exists."""
        return f"{self.folder}summary.json"

    @property
    def timing(self) -> str:
        """What the transform took."""
        return f"{self.folder}timing.json"

    @property
    def collected(self) -> str:
        """What the collection found; the rows are written when this exists."""
        return f"{self.folder}collected.json"

    @property
    def checksums(self) -> str:
        """The SHA-256 of each file of the report."""
        return f"{self.folder}checksums.json"

    @property
    def tidied(self) -> str:
        """What retention removed of the run."""
        return f"{self.folder}tidied.json"

    @property
    def shards(self) -> str:
        """Shards of pointers."""
        return f"{self.folder}shards/"

    @property
    def out(self) -> str:
        """Outputs of the transform jobs."""
        return f"{self.folder}out/"

    @property
    def moved_folder(self) -> str:
        """What recordings that were found under a new path bring along."""
        return f"{self.folder}moved/"

    def moved(self, dataset: str) -> str:
        """Rows of recordings that were found under a new path, as they will stand."""
        return f"{self.moved_folder}{dataset}.parquet"

    @property
    def moved_ledger(self) -> str:
        """Their lines of the ledger."""
        return f"{self.moved_folder}ledger.parquet"

    @property
    def bodies(self) -> str:
        """Sound that requests bring to a container without network; removed with the last row."""
        return f"{self.folder}bodies/"

    @property
    def staged(self) -> str:
        """What was staged of each shard, under the shard's name."""
        return f"{self.folder}staged/"

    @property
    def reports(self) -> str:
        """The report and its tables."""
        return f"reports/{self.run_id}/"

    def manifest(self, number: int) -> str:
        """The ManifestFile of a round (1 is the first)."""
        return (
            f"{self.folder}manifest.json" if number == 1 else f"{self.folder}manifest-{number}.json"
        )

    def stopped(self, number: int | None = None) -> str:
        """A mark for a round that was stopped; without a number, how all of them begin."""
        return f"{self.folder}stopped/{'' if number is None else number}"

    def body_manifest(self, number: int) -> str:
        """The ManifestFile of a round's bodies; they are all there when it exists."""
        return f"{self.folder}manifest-bodies-{number}.json"

    def probe(self, number: int, suffix: str) -> str:
        """The name of a round's first input, whose output says that the model was loaded."""
        return f"r{number}{PROBE}{suffix}"

    def body(self, shard: str, pointer: int, piece: int, channel: int) -> str:
        """The name of a body: unique in the run, safe in a URL."""
        stem = shard.removesuffix(".jsonl")
        return f"{stem}-{pointer:05d}-{piece:04d}-{channel:02d}.flac"

    def shard_of(self, body: str) -> str:
        """The shard that a body was staged for."""
        number, index = body.split("-")[:2]
        return f"{number}-{index}.jsonl"

    def shard(self, number: int, index: int) -> str:
        """The name of a shard: unique in the run, safe in a URL."""
        return f"r{number}-{index:05d}.jsonl"

    def partition(self, dataset: str) -> str:
        """The folder of ``transcripts`` or ``segments`` that the run's rows lie in."""
        return f"{dataset}/dt={self.dt}/"

    def rows(self, dataset: str) -> str:
        """The run's Parquet file in ``transcripts`` or ``segments``."""
        return f"{self.partition(dataset)}{self.run_id}.parquet"

    def history(self, dataset: str, earlier: str) -> str:
        """Rows of run ``earlier`` that this run superseded."""
        return f"{HISTORY}/{dataset}/{earlier}-by-{self.run_id}.parquet"

    @property
    def ledger(self) -> str:
        """The run's results by identity."""
        return f"{LEDGER}{self.run_id}.parquet"


def last_run(key: str) -> str:
    """The last run that put rows into a file of the ledger, of history, or of a dataset."""
    name = key.rpartition("/")[2].removesuffix(".parquet")
    return name.partition(MERGED)[0].rpartition("-by-")[2]
