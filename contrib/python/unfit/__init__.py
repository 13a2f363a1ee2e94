"""Train networks and make them forget records, by the program `unlearn`.

    import unfit

    run = unfit.import_torch(model, example, config="c.toml", out="imported")
    forgot = unfit.forget(run, [3, 17, 42], "finetune", "forgot")
    unfit.to_torch(forgot, model)

The program is the one that the environment's UNLEARN names, else `unlearn` on PATH. What it refuses is an
:class:`UnlearnError` with its sentence and its exit code. PyTorch is needed by :func:`import_torch` of a module and by
:func:`to_torch` alone.
"""

from .models import import_torch, to_torch
from .program import UnlearnError
from .runs import Predictions, Run, encoder, forget, predict, train, verify

__all__ = [
    "Predictions",
    "Run",
    "UnlearnError",
    "encoder",
    "forget",
    "import_torch",
    "predict",
    "to_torch",
    "train",
    "verify",
]
__version__ = "0.1.0"
