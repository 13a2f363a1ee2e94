"""Writes assets/parity/tensorboard/events.tfevents with TensorBoard's own writer: what run/report/tensorboard.rs must
write for the same scalars, byte for byte. Needs the package tensorboard."""

import pathlib

from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.record_writer import RecordWriter

SECONDS = 1_700_000_000
SCALARS = [("train/loss", 0, 2.5), ("train/loss", 300, 0.125), ("metrics/js.forget", 70_000, -1e-3), ("größe", 1, 0.0)]

path = pathlib.Path(__file__).parents[2] / "assets/parity/tensorboard/events.tfevents"
path.parent.mkdir(parents=True, exist_ok=True)
with open(path, "wb") as file:
    writer = RecordWriter(file)
    writer.write(Event(wall_time=SECONDS, file_version="brain.Event:2").SerializeToString())
    for tag, step, value in SCALARS:
        summary = Summary(value=[Summary.Value(tag=tag, simple_value=value)])
        writer.write(Event(wall_time=SECONDS, step=step, summary=summary).SerializeToString())
