#!/usr/bin/env python3
"""Holds an ONNX file that `unlearn export` wrote to what the run itself says (`unlearn predict … --out said.npz`).

    python tools/parity/check_onnx.py model.onnx records.npz said.npz

`records.npz` has the records in `x` as their source has them, `said.npz` the run's logits and probabilities for them.
Fails above 1e-5 of the largest logit, or where onnx finds the file malformed.
"""

import json
import sys

import numpy as np
import onnx
import onnxruntime

TOLERANCE = 1e-5


def main():
    model, records, said = sys.argv[1], np.load(sys.argv[2]), np.load(sys.argv[3])
    proto = onnx.load(model)
    onnx.checker.check_model(proto, full_check=True)
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    logits, probabilities = session.run(["logits", "probabilities"], {"input": records["x"].astype(np.float32)})
    apart = np.abs(logits - said["logits"]).max() / np.abs(said["logits"]).max()
    likely = np.abs(probabilities - said["probabilities"]).max()
    labels = json.loads(session.get_modelmeta().custom_metadata_map["labels"])
    print(f"{len(logits)} records, logits differ by {apart:.2e} of the largest, probabilities by {likely:.2e}")
    if labels != list(said["class_names"]):
        sys.exit(f"labels are {labels}, and the run's {list(said['class_names'])}")
    if not (apart <= TOLERANCE and likely <= TOLERANCE):
        sys.exit("that is too much")


if __name__ == "__main__":
    main()
