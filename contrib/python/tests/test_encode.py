"""An encoder's document, applied to columns."""

import os
import sys
import tempfile
import unittest
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from unfit import encode  # noqa: E402

ENCODER = {
    "table": {"header": True, "delimiter": ",", "missing": ["", "?"], "decimal": ".", "thousands": "'"},
    "columns": [
        {"column": "age", "kind": "numeric", "mean": 30.0, "indicator": True, "features": [0, 2]},
        {"column": "plan", "kind": "categorical", "categories": [None, "a", "b"], "features": [2, 5]},
    ],
    "normalization": {"kind": "standard", "offset": [20.0, 0, 0, 0, 0], "scale": [10.0, 1, 1, 1, 1]},
    "label": -1,
    "label_strip": ".",
    "class_names": ["no", "yes"],
}
COLUMNS = {"age": ["40", "?", "1'020", None], "plan": [" b", "", float("nan"), "c"], "y": ["yes.", "no", "yes", "?"]}


class Encode(unittest.TestCase):
    def test_missing_values_unseen_categories_and_an_indicator(self):
        x = encode.encode(ENCODER, COLUMNS)
        self.assertEqual(x.dtype, np.float32)
        expected = [[2, 0, 0, 0, 1], [1, 1, 1, 0, 0], [100, 0, 1, 0, 0], [1, 1, 0, 0, 0]]
        np.testing.assert_array_equal(x, expected)

    def test_codes_are_places_among_the_categories(self):
        np.testing.assert_array_equal(encode.codes(ENCODER, COLUMNS)["plan"], [2, 0, 0, -1])
        np.testing.assert_array_equal(encode.labels(ENCODER, COLUMNS), [1, 0, 1, -1])

    def test_rows_that_sum_to_one_and_no_scaling(self):
        plain = {**ENCODER, "normalization": {"kind": "none", "offset": [], "scale": []}}
        np.testing.assert_array_equal(encode.encode(plain, COLUMNS)[0], [40, 0, 0, 0, 1])
        row = {**ENCODER, "normalization": {"kind": "row", "offset": [], "scale": []}}
        np.testing.assert_allclose(encode.encode(row, COLUMNS).sum(1), 1, rtol=1e-6)

    def test_a_file_is_read_as_the_program_reads_it(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "t.csv")
            Path(path).write_text('\ufeffskip\nage, plan\n\n 3 ,"a,b"\n4,?\n', encoding="utf-8")
            self.assertEqual(encode.read(ENCODER, path, 1), {"age": ("3", "4"), "plan": ("a,b", "?")})
            bare = {"table": {**ENCODER["table"], "header": False}}
            self.assertEqual(list(encode.read(bare, path, 1)), ["0", "1"])


if __name__ == "__main__":
    unittest.main()
