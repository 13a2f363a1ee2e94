"""Writes assets/parity/numpy.npz: one table as NumPy itself stores it in every type that the loaders read.

    python tools/parity/numpy_arrays.py assets/parity/numpy.npz

Member `x_T` holds the numbers 0 to 9 as [5, 2] in type T, `wide_T` zeros but for the smallest and the largest number
of type T in its first row; `y` are labels. Half of the members are stored, half are deflated.
"""

import io
import sys
import zipfile

import numpy as np

SIZED = ["u2", "u4", "u8", "i2", "i4", "i8", "f4", "f8"]
TYPES = ["|u1", "|i1"] + [order + kind for kind in SIZED for order in "<>"]


def main(path):
    table = np.arange(10).reshape(5, 2)
    members = {f"x_{t[1:]}{'_big' if t[0] == '>' else ''}": table.astype(t) for t in TYPES}
    members["x_b1"] = table % 3 == 0
    members["x_column"] = np.asfortranarray(table[:, :1].astype("<f4"))
    members["y"] = np.array([0, 1, 0, 1, 1])
    for t in ["|i1", ">i2", "<i4", ">i8"]:
        info = np.iinfo(t)
        members[f"wide_{t[1:]}"] = np.array([[info.min, info.max]] + 4 * [[0, 0]], dtype=t)
    with zipfile.ZipFile(path, "w") as archive:
        for i, (name, array) in enumerate(members.items()):
            file = io.BytesIO()
            np.lib.format.write_array(file, array)
            info = zipfile.ZipInfo(name + ".npy", date_time=(1980, 1, 1, 0, 0, 0))
            archive.writestr(info, file.getvalue(), [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED][i % 2])


main(sys.argv[1])
