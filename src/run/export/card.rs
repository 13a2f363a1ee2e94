//! A model card: Markdown, with the header in YAML that Hugging Face reads
//! (<https://huggingface.co/docs/hub/model-cards>).

use std::fmt::Write as _;

use crate::data::TargetKind;
use crate::nn::{Family, Model};
use crate::run::effect::Became;
use crate::run::folder::Opened;
use crate::run::info::Origin;

/// Classes that are named.
const NAMED: usize = 100;

/// What is known of a run's model, which is written as `network`, folded or as it is. No record is named in it.
pub(super) fn text(run: &Opened, network: &Model, folded: bool) -> String {
    let (info, data) = (&run.info, &run.info.data);
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let task = match (run.model.family(), data.shape.len()) {
        (Family::Gnn, _) => "graph-ml",
        (_, 3) => "image-classification",
        _ if run.data.target_kind() == TargetKind::Text => "text-generation",
        _ if run.data.target_kind() == TargetKind::Real => "tabular-regression",
        _ => "tabular-classification",
    };
    let kind = run.data.target_kind();
    let mut card = format!(
        "---\nlibrary_name: unlearn\npipeline_tag: {task}\ntags:\n- machine-unlearning\n- {}\n---\n\n# {}\n\n",
        quoted(&run.model.family().to_string().to_lowercase()),
        data.name
    );
    let _ = writeln!(
        card,
        "A {} of {} parameters that {}, by records of shape {:?}.\n",
        run.model.family(),
        info.parameters,
        match kind {
            TargetKind::Class => format!("tells {} classes apart", data.classes),
            TargetKind::Real => format!("predicts {} numbers", data.classes),
            TargetKind::MultiLabel => format!("gives {} labels, any number of them to a record", data.classes),
            TargetKind::Text => format!("predicts the next of {} tokens", data.classes),
        },
        data.shape
    );
    origin(&mut card, run);
    let _ = writeln!(card, "## Input and output\n");
    let normalization = &data.fitted.normalization;
    let numbers = |values: &[f64]| match values {
        [] => "none".to_owned(),
        few if few.len() <= 8 => few.iter().map(f64::to_string).collect::<Vec<_>>().join(", "),
        many => format!("{} numbers, in run.json", many.len()),
    };
    let _ = writeln!(
        card,
        "Input `[batch, …]` of {:?}, scaled by (x - offset) / scale with offset {} and scale {}. A file of ONNX takes \
         records before that and scales them itself; weights in safetensors take them scaled.\n",
        data.shape,
        numbers(&normalization.offset),
        numbers(&normalization.scale)
    );
    let shown: Vec<&str> = data.fitted.class_names.iter().map(String::as_str).take(NAMED).collect();
    let more = if data.fitted.class_names.len() > NAMED { ", …" } else { "" };
    let names = format!("{}{more}, in this order", shown.join(", "));
    let _ = match &data.fitted.targets {
        Some(fit) if fit.kind == TargetKind::Real => writeln!(
            card,
            "Output: {names}. A file of ONNX gives `values` in the units of the data; weights in safetensors give \
             (t - offset) / scale with offset {} and scale {}.\n",
            numbers(&fit.offset),
            numbers(&fit.scale)
        ),
        Some(fit) if fit.kind == TargetKind::Text => {
            writeln!(card, "Output: logits of the next token, for each token: {names}.\n")
        }
        Some(_) => writeln!(card, "Output: a logit of each label {names}; its sigmoid is a probability.\n"),
        None => writeln!(card, "Output: logits of the classes {names}.\n"),
    };
    let _ = writeln!(card, "## Network\n\n```toml");
    for layer in network.config().layers {
        let _ = write!(card, "[[layers]]\n{}", toml::to_string(&layer).unwrap_or_default());
    }
    let _ = writeln!(card, "```\n");
    if folded {
        let _ = writeln!(card, "Each batch_norm is folded into the layer before it: this network is for inference.\n");
    }
    let _ = writeln!(card, "## Evidence\n");
    let _ = writeln!(card, "- SHA-256 of the weights: `{}`", info.model_sha256);
    let _ = writeln!(card, "- SHA-256 of the run: `{}`", run.run_sha256);
    let _ = writeln!(card, "- made at {} by unlearn {}", info.evidence.made_at, info.version);
    card
}

/// Where the weights came from, and what they forgot.
fn origin(card: &mut String, run: &Opened) {
    let info = &run.info;
    let sizes = &info.data.sizes;
    let _ = match (info.origin, &info.imported) {
        (Origin::Imported, Some(imported)) => writeln!(
            card,
            "The weights were imported (SHA-256 of the file `{}`); how they were trained is not known here.\n",
            imported.sha256
        ),
        _ => writeln!(
            card,
            "Trained on {} records for {} epochs, seed {}; {} records are for testing.\n",
            sizes.train, info.epochs, info.seed, sizes.test
        ),
    };
    let Some(forget) = &info.forget else { return };
    let (count, method) = (forget.request.count, &forget.method);
    if forget.effect.result != Became::Changed {
        let result = forget.effect.as_str();
        let _ = writeln!(card, "`{method}` was to make it forget {count} records, and left it {result}.\n");
    } else {
        let _ = writeln!(
            card,
            "It has forgotten {count} records by `{method}`. Claim: {}. {}\n",
            forget.claim(),
            forget.conditions.join("; ")
        );
    }
}
