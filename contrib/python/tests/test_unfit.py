"""The package with the program that UNLEARN names or PATH has: python -m unittest discover contrib/python/tests."""

import os
import sys
import tempfile
import unittest
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import unfit  # noqa: E402
from unfit import encode  # noqa: E402
from unfit.program import call, changed, toml  # noqa: E402

try:
    import torch
except ImportError:
    torch = None

CONFIG = {
    "data": {"loader": "digits", "limit": 60},
    "model": {"zoo": "mlp", "hidden": [8]},
    "train": {"lr": 0.1, "epochs": 1, "batch_size": 20},
}
NUMPY = {"fc1.weight": (12, 64), "fc1.bias": (12,), "fc2.weight": (10, 12), "fc2.bias": (10,)}


def arrays():
    """The weights of a network of two layers, and its logits of a batch."""
    draw = np.random.default_rng(3)
    state = {name: draw.normal(0, 0.3, shape).astype(np.float32) for name, shape in NUMPY.items()}
    x = draw.random((5, 1, 8, 8), dtype=np.float32)
    hidden = np.tanh(x.reshape(5, 64) @ state["fc1.weight"].T + state["fc1.bias"])
    return state, x, hidden @ state["fc2.weight"].T + state["fc2.bias"]


LAYERS = [
    {"type": "flatten"},
    {"type": "linear", "name": "fc1", "out": 12},
    {"type": "tanh"},
    {"type": "linear", "name": "fc2"},
]


def adapters():
    """Whether a command that computes can run here."""
    try:
        return bool(call(["adapters"]).get("adapters"))
    except unfit.UnlearnError:
        return False


@unittest.skipUnless(adapters(), "the program has no adapter here")
class InAFolder(unittest.TestCase):
    """Each test in an empty folder of its own."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(folder.name)


class Runs(InAFolder):
    def test_a_run_trains_forgets_and_predicts(self):
        run = unfit.train(CONFIG, "run", seed=4, settings={"train.epochs": 2})
        self.assertEqual((run.info["seed"], run.info["epochs"]), (4, 2))
        self.assertEqual(os.listdir("."), ["run"], "the configuration's file is gone")
        forgot = unfit.forget(run, np.array([3, 17]), "finetune", "forgot", settings={"epochs": 1})
        self.assertEqual(forgot.info["forget"]["request"]["count"], 2)
        self.assertNotEqual(forgot.info["model_sha256"], run.info["model_sha256"])
        said = unfit.predict(forgot, "test")
        self.assertEqual(said.logits.shape, (len(said.ids), 10))
        np.testing.assert_allclose(said.probabilities.sum(1), 1, atol=1e-5)
        self.assertEqual(said.class_names, [str(digit) for digit in range(10)])
        self.assertTrue(0 <= said.accuracy <= 1)
        rows = unfit.predict(forgot, np.zeros((3, 1, 8, 8), np.float32))
        self.assertEqual((rows.logits.shape, rows.accuracy), ((3, 10), None))

    def test_a_class_by_its_name(self):
        run = unfit.train(CONFIG, "run")
        forgot = unfit.forget(run, ["3"], "finetune", "forgot", kind="class", settings={"epochs": 1})
        self.assertGreater(forgot.info["forget"]["request"]["count"], 1)

    def test_what_the_program_refuses_is_one_exception(self):
        run = unfit.train(CONFIG, "run")
        with self.assertRaisesRegex(unfit.UnlearnError, "unknown sample id 4000") as caught:
            unfit.forget(run, [4000], "finetune", "forgot")
        self.assertEqual((caught.exception.exit_code, caught.exception.code), (2, "input"))
        with self.assertRaisesRegex(unfit.UnlearnError, "there is no loader `digit`, did you mean|no loader `digit`"):
            unfit.train({**CONFIG, "data": {"loader": "digit"}}, "other")
        forgot = unfit.forget(run, [3], "finetune", "forgot", settings={"epochs": 1})
        with self.assertRaises(unfit.UnlearnError) as caught:
            unfit.verify(forgot)
        self.assertIn(caught.exception.exit_code, (2, 3))

    def test_a_verdict_is_data(self):
        run = unfit.train(CONFIG, "run")
        forgot = unfit.forget(run, [3, 17], "retrain", "forgot", references=4)
        document = unfit.verify(forgot)
        self.assertIn("outcome", document["verdict"])
        with self.assertRaises(unfit.UnlearnError) as caught:
            unfit.forget(run, [3], "random_labels", "same", settings={"lr": 1e-30, "epochs": 1})
        self.assertIn(caught.exception.exit_code, (2, 4))


class Texts(unittest.TestCase):
    def test_values_of_toml(self):
        cases = [(True, "true"), (3, "3"), (1e-4, "0.0001"), (np.float32(0.5), "0.5"), ('a "b"\n', '"a \\"b\\"\\n"')]
        for value, text in cases:
            self.assertEqual(toml(value), text)
        self.assertEqual(toml({"a b": [1, {"c": Path("d")}]}), '{ "a b" = [1, { "c" = "d" }] }')
        self.assertEqual(changed({"train.lr": 0.5}), ["--set", "train.lr=0.5"])
        with self.assertRaises(TypeError):
            toml(None)

    def test_no_program(self):
        before = os.environ.get("UNLEARN")
        os.environ["UNLEARN"] = "no-such-program"
        try:
            with self.assertRaisesRegex(unfit.UnlearnError, "no-such-program"):
                unfit.train(CONFIG, "run")
        finally:
            os.environ.pop("UNLEARN") if before is None else os.environ.update(UNLEARN=before)


class Tables(InAFolder):
    def test_an_encoder_gives_the_numbers_that_the_program_takes(self):
        draw = np.random.default_rng(1)
        age = ["" if draw.random() < 0.2 else str(draw.integers(18, 80)) for _ in range(60)]
        plan = [("", "basic", "family")[draw.integers(3)] for _ in range(60)]
        rows = [f"{a},{p},{'no' if p == 'basic' else 'yes'}" for a, p in zip(age, plan)]
        Path("t.csv").write_text("\n".join(["age,plan,y", *rows]), encoding="utf-8")
        data = {"loader": "csv", "path": "t.csv", "label": "y", "missing_indicator": True}
        model = {"layers": [{"type": "linear", "name": "fc"}]}
        run = unfit.train({"data": data, "model": model, "train": CONFIG["train"]}, "run")
        Path("new.csv").write_text("age,plan,y\n40,basic,no\n,gold,yes\n71,,yes\n", encoding="utf-8")
        encoder = unfit.encoder(run)
        columns = encode.read(encoder, "new.csv")
        x, weights, said = encode.encode(encoder, columns), run.weights(), unfit.predict(run, "new.csv")
        self.assertEqual(x.shape, (3, 5))
        np.testing.assert_allclose(x @ weights["fc.weight"].T + weights["fc.bias"], said.logits, rtol=1e-5, atol=1e-6)
        np.testing.assert_array_equal(encode.labels(encoder, columns), said.labels)


class Models(InAFolder):
    config = {"data": CONFIG["data"], "model": {"layers": LAYERS}}

    def test_arrays_become_a_run_with_the_same_logits(self):
        state, x, logits = arrays()
        run = unfit.import_torch(state, (x, logits), config=self.config, out="run")
        self.assertEqual(run.info["origin"], "imported")
        self.assertLess(run.info["imported"]["agreement"]["difference"], 1e-5)
        for name, array in run.weights().items():
            np.testing.assert_array_equal(array, state[name])

    def test_other_logits_are_no_agreement(self):
        state, x, logits = arrays()
        with self.assertRaisesRegex(unfit.UnlearnError, "class 1 of record 2") as caught:
            logits[2, 1] += 1
            unfit.import_torch(state, (x, logits), config=self.config, out="run")
        self.assertEqual((caught.exception.exit_code, caught.exception.code), (4, "check_failed"))
        self.assertEqual(os.listdir("."), [])

    def test_names_that_differ(self):
        state, x, logits = arrays()
        other = {"net." + name.replace("fc2", "head"): array for name, array in state.items()}
        names = {"net.fc1": "fc1", "net.head": "fc2"}
        unfit.import_torch(other, (x, logits), config=self.config, out="run", names=names)
        with self.assertRaisesRegex(unfit.UnlearnError, "fc2.bias"):
            unfit.import_torch(other, (x, logits), config=self.config, out="other")

    def test_layers_that_are_guessed_are_checked(self):
        with self.assertRaisesRegex(ValueError, "give example"):
            unfit.import_torch(arrays()[0], config={"data": CONFIG["data"]}, out="run")


@unittest.skipIf(torch is None, "torch is not here")
class Modules(InAFolder):
    def net(self):
        torch.manual_seed(1)
        nn = torch.nn
        return nn.Sequential(
            nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(256, 16), nn.ReLU(), nn.Linear(16, 10)
        )

    def test_a_module_goes_in_forgets_and_comes_back(self):
        model = self.net().train()
        layers = [
            {"type": "conv2d", "name": "0", "out": 4, "kernel": 3, "padding": 1},
            {"type": "relu"},
            {"type": "flatten"},
            {"type": "linear", "name": "3", "out": 16},
            {"type": "relu"},
            {"type": "linear", "name": "5"},
        ]
        config = {"data": CONFIG["data"], "model": {"layers": layers}}
        run = unfit.import_torch(model, torch.rand(6, 1, 8, 8), config=config, out="run")
        self.assertLess(run.info["imported"]["agreement"]["difference"], 1e-5)
        self.assertTrue(model.training, "the module is as it was")
        forgot = unfit.forget(run, [3, 17, 42], "finetune", "forgot", settings={"epochs": 1, "lr": 0.01})
        x = np.random.default_rng(0).integers(0, 17, (9, 1, 8, 8)).astype(np.float32)
        back = unfit.to_torch(forgot, self.net()).eval()
        with torch.no_grad():
            logits = back(torch.from_numpy(x) / 16).numpy()
        said = unfit.predict(forgot, x).logits
        np.testing.assert_allclose(logits, said, atol=1e-4 * abs(said).max())
        with self.assertRaises(RuntimeError):
            unfit.to_torch(forgot, torch.nn.Linear(3, 2))

    def test_half_of_bfloat16_is_imported(self):
        state, x, _ = arrays()
        half = {name: torch.from_numpy(array).bfloat16() for name, array in state.items()}
        unfit.import_torch(half, config=Models.config, out="run")

    def test_layers_are_guessed_from_a_module(self):
        nn = torch.nn
        model = nn.Sequential(nn.Linear(8, 9), nn.ReLU(), nn.Linear(9, 4))
        run = unfit.import_torch(model, torch.randn(5, 8), config={"data": {"loader": "synth"}}, out="run")
        self.assertEqual(run.info["origin"], "imported")
        wrong = nn.Sequential(nn.Linear(8, 9), nn.Tanh(), nn.Linear(9, 4))
        with self.assertRaises(unfit.UnlearnError) as caught:
            unfit.import_torch(wrong, torch.randn(5, 8), config={"data": {"loader": "synth"}}, out="other")
        self.assertEqual(caught.exception.exit_code, 4)


if __name__ == "__main__":
    unittest.main()
