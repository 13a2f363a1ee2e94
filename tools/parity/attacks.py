"""Numbers of attacks by other people's programs, for assets/parity/attacks.safetensors, all in float64.

AUC and rates by scikit-learn, exact bounds and tails by SciPy, LiRA by scipy.stats.norm, RMIA by ml_privacy_meter's own
attacks.py, the forgetting score by metric.py of google-deepmind/unlearning_evaluation (without `.cuda()`, and
without the assertion that fails for more than one threshold), KLoM by src/eval.py of RoyRin/data-unlearning-bench
(without its folders), the linear probe by scikit-learn's Ridge. Needs torch, scipy and scikit-learn.

    python tools/parity/attacks.py ml_privacy_meter/attacks.py unlearning_evaluation/metric.py src/eval.py
"""
import importlib.util
import pathlib
import sys

import numpy as np
import torch
from safetensors.torch import save_file
from scipy import stats
from sklearn.linear_model import Ridge
from sklearn.metrics import roc_auc_score, roc_curve

random = np.random.default_rng(16)
out = {}


def module(path, name, change=lambda text: text):
    text = change(pathlib.Path(path).read_text())
    found = importlib.util.module_from_spec(importlib.util.spec_from_loader(name, loader=None))
    exec(compile(text, str(path), "exec"), found.__dict__)  # the published file itself
    return found


meter = module(sys.argv[1], "meter")
metric = module(sys.argv[2], "metric",
                lambda text: text.replace(".cuda()", "").replace("assert thr_eps,", "assert len(thr_eps),"))
bench = module(sys.argv[3], "bench", lambda text: text.replace("from paths import EVAL_DIR, DATA_DIR", "")
               .replace("from tqdm import tqdm", "tqdm = lambda some, desc=None: some"))

# LiRA: models in pairs, of which one had each record.
pairs, records = 8, 30
first = random.random((pairs, records)) < 0.5
member = np.stack([first, ~first], 1).reshape(2 * pairs, records)
phi = random.normal(1.0, 1.0, (2 * pairs, records)) + 1.5 * member + random.normal(0.0, 2.0, records)
said = random.normal(2.0, 2.0, records)


def normals(side, fixed):
    values = [phi[side[:, r], r] for r in range(records)]
    sd = np.array([np.std(v) for v in values])
    return np.array([np.mean(v) for v in values]), np.full(records, np.sqrt(np.mean(sd**2))) if fixed else sd


for name, fixed in [("own", False), ("fixed", True)]:
    (mean_in, sd_in), (mean_out, sd_out) = normals(member, fixed), normals(~member, fixed)
    out[f"lira.online.{name}"] = stats.norm.logpdf(said, mean_in, sd_in) - stats.norm.logpdf(said, mean_out, sd_out)
    out[f"lira.offline.{name}"] = (said - mean_out) / sd_out
out |= {"lira.phi": phi, "lira.member": member.astype(float), "lira.said": said}

# RMIA of model 0; model 1 is its pair, and is left out.
population = 40
signals = 1.0 / (1.0 + np.exp(-random.normal(1.0, 2.0, (records, 2 + 2 * pairs))))
beside = 1.0 / (1.0 + np.exp(-random.normal(1.0, 2.0, (population, 2 + 2 * pairs))))
members = np.concatenate([np.zeros((records, 2), dtype=bool), member.T], 1)
out["rmia.scores"] = meter.run_rmia(0, signals, beside, members, pairs, 0.3)
out["rmia.said"], out["rmia.population"] = signals[:, 0], beside[:, 0]
out["rmia.out"] = meter.get_rmia_out_signals(signals, members, 0, pairs).mean(1)
none = np.zeros_like(beside, dtype=bool)
out["rmia.population_out"] = meter.get_rmia_out_signals(beside, none, 0, pairs).mean(1)

# Rates of scores with ties.
scores = [np.round(random.normal(1.0, 1.0, 60), 1), np.round(random.normal(0.0, 1.0, 1200), 1)]
truth, all_scores = np.repeat([1, 0], [60, 1200]), np.concatenate(scores)
fpr, tpr, _ = roc_curve(truth, all_scores, drop_intermediate=False)
out["rates.members"], out["rates.others"] = scores
out["rates.auc"] = [roc_auc_score(truth, all_scores)]
found = [tpr[fpr <= limit].max() for limit in (0.01, 0.001)]
out["rates.tpr"] = found
hits = [round(60 * rate) for rate in found]
bounds = [[stats.beta.ppf(0.025, k, 61 - k) if k else 0.0, stats.beta.ppf(0.975, k + 1, 60 - k)] for k in hits]
out["rates.bounds"] = np.array(bounds).ravel()

# Tails.
t = np.linspace(-6.0, 12.0, 37)
out["student.t"], out["student.above"] = t, np.concatenate([stats.t.sf(t, n) for n in (1, 3, 18, 40)])

# The forgetting score: near, apart, peaked.
models, forgotten = 24, 12
never = random.normal(0.0, 1.0, (models, forgotten))
forgot = random.normal(0.0, 1.0, (models, forgotten)) + np.linspace(0.0, 4.0, forgotten)
forgot[:, 3] = 1e-3 * random.normal(0.0, 1.0, models)
forgot[:, 5] *= 0.2
out |= {"quality.never": never, "quality.forgot": forgot}
out["quality.score"] = [metric.compute_forget_score_from_confs(forgot, never)]

# KLoM, with a record of which all models say the same and one beyond the clipping.
margins = [random.normal(0.0, 1.0, (16, 12)), random.normal(0.0, 1.0, (16, 12)) + np.linspace(0.0, 3.0, 12)]
margins[0][:, 4] = margins[1][:, 4] = 2.0
margins[1][3, 7] = 250.0
out |= {"klom.never": margins[0], "klom.forgot": margins[1]}
out["klom.each"] = bench.kl_from_margins(torch.tensor(margins[1]), torch.tensor(margins[0]))
out["klom.p95"] = [np.percentile(out["klom.each"], 95)]

# A linear probe: the i-th row of either group is in fold i mod 5.
width = 6
groups = [random.normal(0.0, 1.0, (rows, width)).astype(np.float32) for rows in (43, 57)]
groups[0][:, 2] += 1.0
rows, signs = np.concatenate(groups).astype(np.float64), np.repeat([1.0, -1.0], [43, 57])
fold = np.concatenate([np.arange(len(group)) % 5 for group in groups])
found = np.empty(len(rows))
for k in range(5):
    taught = rows[fold != k]
    spread = ((taught - taught.mean(0))**2).sum() / width
    found[fold == k] = Ridge(alpha=0.1 * spread).fit(taught, signs[fold != k]).predict(rows[fold == k])
out |= {"probe.first": groups[0], "probe.others": groups[1], "probe.auc": [roc_auc_score(signs > 0, found)]}

path = pathlib.Path(__file__).resolve().parents[2] / "assets/parity/attacks.safetensors"
save_file({k: torch.tensor(np.array(v, dtype=np.float64)) for k, v in out.items()}, path)
