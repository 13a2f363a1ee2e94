"""A table's columns as the network takes them, by the encoder that `unlearn export RUN --encoder encoder.json` wrote.

    python encode.py encoder.json table.csv x.npz

The file stands alone: it needs NumPy and nothing of the package.
"""

import csv
import json
import sys

import numpy as np


def read(encoder, path, skip_rows=0):
    """The columns of a CSV file: {name: texts}."""
    table = encoder["table"]
    with open(path, encoding="utf-8-sig", newline="") as file:
        rows = csv.reader(file.readlines()[skip_rows:], delimiter=table["delimiter"])
        rows = [[cell.strip() for cell in row] for row in rows if row]
    names = rows.pop(0) if table["header"] else [str(place) for place in range(len(rows[0]))]
    return dict(zip(table.get("columns") or names, zip(*rows)))


def cells(encoder, column):
    """The texts of a column (a list, an array, a column of a frame), None where a value is missing."""
    texts = [None if cell is None or cell != cell else str(cell).strip() for cell in column]
    return [None if text in encoder["table"]["missing"] else text for text in texts]


def number(table, text):
    """A number in the table's notation."""
    return float(text.replace(table.get("thousands") or "\0", "").replace(table["decimal"], "."))


def encode(encoder, columns):
    """float32 [records, features] of {name: column}, as the run's network takes them.

    A missing number becomes the mean of training; a category that training has not seen is all zeros."""
    features = []
    for column in encoder["columns"]:
        texts = cells(encoder, columns[column["column"]])
        if column["kind"] == "categorical":
            features += [[text == category for text in texts] for category in column["categories"]]
            continue
        features.append([column["mean"] if text is None else number(encoder["table"], text) for text in texts])
        if column["indicator"]:
            features.append([text is None for text in texts])
    x, scaling = np.array(features, np.float64).T, encoder["normalization"]
    if scaling["kind"] == "row":
        sums = x.sum(1, keepdims=True)
        return np.divide(x, sums, out=x.copy(), where=sums != 0).astype(np.float32)
    if scaling["offset"]:
        x = (x - np.array(scaling["offset"])) / np.array(scaling["scale"])
    return x.astype(np.float32)


def codes(encoder, columns):
    """{name: int64 [records]} of the categorical columns: the row of an embedding's table, -1 of what is not in it."""
    kinds = {column["column"]: column for column in encoder["columns"] if column["kind"] == "categorical"}
    places = {name: {text: at for at, text in enumerate(column["categories"])} for name, column in kinds.items()}
    return {
        name: np.array([place.get(text, -1) for text in cells(encoder, columns[name])], np.int64)
        for name, place in places.items()
    }


def labels(encoder, columns):
    """int64 [records]: the class of each by its place in `class_names`, -1 of another."""
    label = encoder["label"]
    column = columns[label] if isinstance(label, str) else list(columns.values())[label]
    places = {name: at for at, name in enumerate(encoder["class_names"])}
    texts = (text or "" for text in cells(encoder, column))
    return np.array([places.get(text.rstrip(encoder["label_strip"]), -1) for text in texts], np.int64)


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as file:
        saved = json.load(file)
    np.savez(sys.argv[3], x=encode(saved, read(saved, sys.argv[2])))
