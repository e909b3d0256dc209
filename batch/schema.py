"""The tables that a run leaves: one fixed Arrow schema each, with a version in its metadata.

Times are UTC; durations, starts and ends are seconds as doubles. ``docs/tables.md`` explains
every column, and ``nightscribe ddl`` prints the same schema for Athena and DuckDB.
"""

from __future__ import annotations

import pyarrow as pa

SCHEMA_VERSION = "4"

WORD = pa.struct(
    [
        ("text", pa.string()),
        ("start", pa.float64()),
        ("end", pa.float64()),
        ("confidence", pa.float64()),
    ]
)


def _versioned(name: str, fields: list[pa.Field]) -> pa.Schema:
    return pa.schema(fields, metadata={"nightscribe": name, "nightscribe.schema": SCHEMA_VERSION})


TRANSCRIPTS = _versioned(
    "transcripts",
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("uri", pa.string(), nullable=False),
        pa.field("path", pa.string(), nullable=False),
        pa.field("channel", pa.int32()),
        pa.field("status", pa.string(), nullable=False),
        pa.field("error_kind", pa.string()),
        pa.field("error_message", pa.string()),
        pa.field("duration", pa.float64()),
        pa.field("channels", pa.int32()),
        pa.field("size", pa.int64()),
        pa.field("etag", pa.string()),
        pa.field("version", pa.string()),
        pa.field("text", pa.string()),
        pa.field("confidence", pa.float64()),
        pa.field("calibrated", pa.bool_()),
        pa.field("speech_seconds", pa.float64()),
        pa.field("level_dbfs", pa.float64()),
        pa.field("peak_dbfs", pa.float64()),
        pa.field("clipped_share", pa.float64()),
        pa.field("bandwidth_hertz", pa.int32()),
        pa.field("snr_db", pa.float64()),
        pa.field("language", pa.string()),
        pa.field("model", pa.string(), nullable=False),
        pa.field("model_digest", pa.string(), nullable=False),
        pa.field("decode_digest", pa.string(), nullable=False),
        pa.field("channel_mode", pa.string()),
        pa.field("attempts", pa.int32()),
        pa.field("run_id", pa.string(), nullable=False),
        pa.field("transcribed_at", pa.timestamp("us", tz="UTC"), nullable=False),
        pa.field("meta", pa.map_(pa.string(), pa.string())),
    ],
)

SEGMENTS = _versioned(
    "segments",
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("uri", pa.string(), nullable=False),
        pa.field("path", pa.string(), nullable=False),
        pa.field("channel", pa.int32()),
        pa.field("start", pa.float64(), nullable=False),
        pa.field("end", pa.float64(), nullable=False),
        pa.field("text", pa.string(), nullable=False),
        pa.field("confidence", pa.float64(), nullable=False),
        pa.field("words", pa.list_(WORD), nullable=False),
        pa.field("flags", pa.list_(pa.string())),
        pa.field("run_id", pa.string(), nullable=False),
    ],
)

LEDGER = _versioned(
    "ledger",
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("path", pa.string(), nullable=False),
        pa.field("etag", pa.string()),
        pa.field("version", pa.string()),
        pa.field("size", pa.int64()),
        pa.field("channels", pa.string(), nullable=False),
        pa.field("model_digest", pa.string(), nullable=False),
        pa.field("decode_digest", pa.string(), nullable=False),
        pa.field("status", pa.string(), nullable=False),
        pa.field("error_kind", pa.string()),
        pa.field("attempts", pa.int32(), nullable=False),
        pa.field("duration", pa.float64()),
        pa.field("run_id", pa.string(), nullable=False),
    ],
)

SCHEMAS = {"transcripts": TRANSCRIPTS, "segments": SEGMENTS}
"""Of the datasets, by the name of their folder."""

_SQL_TYPES = {
    pa.bool_(): "boolean",
    pa.string(): "string",
    pa.int32(): "int",
    pa.int64(): "bigint",
    pa.float64(): "double",
    pa.timestamp("us", tz="UTC"): "timestamp",
    pa.map_(pa.string(), pa.string()): "map<string,string>",
    pa.list_(pa.string()): "array<string>",
    pa.list_(WORD): "array<struct<text:string,start:double,`end`:double,confidence:double>>",
}


def athena_ddl(name: str, schema: pa.Schema, location: str) -> str:
    """CREATE EXTERNAL TABLE over a dataset that is partitioned by ``dt``."""
    columns = ",\n".join(f"  `{field.name}` {_SQL_TYPES[field.type]}" for field in schema)
    return (
        f"CREATE EXTERNAL TABLE IF NOT EXISTS nightscribe_{name} (\n{columns}\n)\n"
        "PARTITIONED BY (`dt` date)\nSTORED AS PARQUET\n"
        f"LOCATION '{_quoted(location)}'\n"
        "TBLPROPERTIES (\n  'projection.enabled' = 'true',\n  'projection.dt.type' = 'date',\n"
        "  'projection.dt.format' = 'yyyy-MM-dd',\n"
        "  'projection.dt.range' = '2020-01-01,NOW+1DAYS'\n);\n"
    )


def duckdb_ddl(name: str, location: str) -> str:
    """CREATE VIEW over the same files for DuckDB."""
    pattern = _quoted(f"{location}dt=*/*.parquet")
    return (
        f"CREATE OR REPLACE VIEW nightscribe_{name} AS\n"
        f"SELECT * FROM read_parquet('{pattern}', hive_partitioning = true);\n"
    )


def _quoted(text: str) -> str:
    return text.replace("'", "''")
