#!/usr/bin/env python3
"""Writes the tables of tests/host/parquet: one table as CSV and as Parquet by pyarrow, pandas and polars, and columns
that are no cells. Needs the three."""

import datetime
import decimal
import pathlib

import pandas
import polars
import pyarrow
import pyarrow.parquet

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "tests/host/parquet"
ROWS = 40
SOURCES = [
    ("snappy", {"compression": "snappy"}),
    ("gzip", {"compression": "gzip", "data_page_version": "2.0", "row_group_size": 16}),
    ("plain", {"compression": "none", "use_dictionary": False, "data_page_size": 64, "row_group_size": 32}),
]


def customers():
    rows = range(ROWS)
    cities = ["Oslo", "Rome", None, "Bergen", "Genève"]
    return pyarrow.table(
        {
            "customer": pyarrow.array([1000 + 7 * row for row in rows], pyarrow.int64()),
            "household": pyarrow.array([f"h{row // 2}" for row in rows]),
            "when": pyarrow.array([1700000000 + row for row in rows], pyarrow.uint32()),
            "age": pyarrow.array([None if row % 11 == 3 else 20 + row % 50 for row in rows], pyarrow.int8()),
            "income": pyarrow.array([1e-5 * 3.0 ** (row % 30) for row in rows], pyarrow.float64()),
            "weight": pyarrow.array([0.1 * row for row in rows], pyarrow.float32()),
            "balance": pyarrow.array(
                [decimal.Decimal(row * row - 300).scaleb(-2) for row in rows], pyarrow.decimal128(9, 2)
            ),
            "city": pyarrow.array([cities[row % 5] for row in rows]).dictionary_encode(),
            "since": pyarrow.array([datetime.date(2020 + row % 3, 2, 29 - row % 3) for row in rows]),
            "active": pyarrow.array([None if row == 5 else row % 3 == 0 for row in rows]),
            "churn": pyarrow.array(["yes" if (row * row + row) % 4 == 0 else "no" for row in rows]),
        }
    )


def main():
    FOLDER.mkdir(exist_ok=True)
    table = customers()
    for name, how in SOURCES:
        pyarrow.parquet.write_table(table, FOLDER / f"{name}.parquet", **how)
    frame = pandas.read_parquet(FOLDER / "snappy.parquet", dtype_backend="numpy_nullable")
    frame.to_csv(FOLDER / "customers.csv", index=False)
    frame.to_parquet(FOLDER / "pandas.parquet")
    polars.from_arrow(table).write_parquet(FOLDER / "polars.parquet")
    times = [datetime.datetime(2024, 1, 1 + row) for row in range(6)]
    odd = pyarrow.table(
        {
            "x": [0.5, float("nan"), 1.5, 2.5, 3.5, 4.5],
            "tags": [["a"], [], None, ["b", "c"], ["a"], []],
            "place": [{"lat": 1.0, "lon": 2.0}] * 6,
            "when": times,
            "raw": [b"\xff\x00"] * 6,
            "y": [0, 1, 0, 1, 0, 1],
        }
    )
    pyarrow.parquet.write_table(odd, FOLDER / "odd.parquet")


main()
