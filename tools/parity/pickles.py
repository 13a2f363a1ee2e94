"""Writes tests/host/pickles/ind.p{2..5}.*: the six papers of tests/host/pickles.rs as today's Python, NumPy and
SciPy pickle them, in each protocol. Run it with an environment that has NumPy 2 and SciPy."""

import collections
import pathlib
import pickle

import numpy as np
import scipy.sparse as sparse

HERE = pathlib.Path(__file__).resolve().parents[2] / "tests/host/pickles"


def csr(cols, rows):
    dense = np.zeros((len(rows), cols), dtype=np.float32)
    for row, columns in enumerate(rows):
        dense[row, columns] = 1
    return sparse.csr_matrix(dense)


GRAPH = collections.defaultdict(list)
for node, others in {0: [1, 2], 1: [0, 0], 2: [2], 3: [5, 0], 4: [], 5: [3]}.items():
    GRAPH[node].extend(others)
PARTS = {
    "x": csr(4, [[0], [1, 2]]),
    "allx": csr(4, [[0], [1, 2], [3]]),
    # The array form of a matrix, and an array whose first axis runs fastest.
    "tx": sparse.csr_array(csr(4, [[0, 3], [2]])),
    "y": np.array([[1, 0], [0, 1]], dtype=np.int32),
    "ally": np.asfortranarray(np.array([[1, 0], [0, 1], [0, 1]], dtype=np.int64)),
    "ty": np.array([[0, 1], [1, 0]], dtype=np.float16),
    # Numbers of NumPy's among Python's.
    "graph": {np.int64(k) if k == 3 else k: [np.int32(v) if v == 5 else v for v in vs] for k, vs in GRAPH.items()},
    "list": GRAPH,
}
HERE.mkdir(exist_ok=True)
for protocol in range(2, 6):
    for name, value in PARTS.items():
        (HERE / f"ind.p{protocol}.{name}").write_bytes(pickle.dumps(value, protocol=protocol))
