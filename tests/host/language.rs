//! Language models on the twins against PyTorch. The same comparison runs on each adapter in `tests/gpu`.

use std::collections::BTreeSet;

use unlearn::engine::Engine;
use unlearn::nn::{Model, ModelConfig, Sizes};

use crate::shared::language::{QUANTITIES, fixtures, measure};

/// The twins compute in f64; the fixtures are stored as f32, and so is theta of rotary positions.
const ROUNDING: f64 = 1e-6;

#[test]
fn the_reference_engine_agrees_with_pytorch_on_every_tensor() {
    let (mut engine, mut faults, all) = (Engine::reference(), Vec::new(), fixtures());
    assert_eq!(all.iter().map(|f| f.name.as_str()).collect::<Vec<_>>(), ["gpt", "gpt_tied", "llama"]);
    for fixture in &all {
        let mut compared = BTreeSet::new();
        for quantity in QUANTITIES {
            let gaps =
                measure(&mut engine, fixture, quantity).unwrap_or_else(|e| panic!("{} {quantity}: {e}", fixture.name));
            let bad = gaps.iter().filter(|gap| gap.error.is_nan() || gap.error > ROUNDING);
            faults.extend(bad.map(|gap| format!("{} {quantity}: {gap:?}", fixture.name)));
            compared.extend(gaps.into_iter().map(|gap| gap.tensor));
        }
        let left: Vec<_> = fixture.computed().filter(|name| !compared.contains(*name)).collect();
        assert!(left.is_empty(), "{}: {left:?} were compared with nothing", fixture.name);
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

fn zoo(name: &str, sizes: Sizes) -> Result<Model, String> {
    let config = ModelConfig { zoo: Some(name.into()), sizes: Some(sizes), ..Default::default() };
    Model::build(&config, &[50], 50).map_err(|e| e.to_string())
}

#[test]
fn language_models_of_the_zoo_have_transformers_names_and_shapes() {
    let small = Sizes { width: Some(16), depth: Some(1), heads: Some(2), ..Default::default() };
    let shapes = |model: Model| -> Vec<(String, Vec<usize>)> {
        model.layout.entries().iter().map(|e| (e.name.clone(), e.shape.clone())).collect()
    };
    let gpt = shapes(zoo("gpt", Sizes { context: Some(9), ..small.clone() }).expect("a network"));
    let want: [(&str, &[usize]); 16] = [
        ("transformer.wte.weight", &[50, 16]),
        ("transformer.wpe.weight", &[9, 16]),
        ("transformer.h.0.ln_1.weight", &[16]),
        ("transformer.h.0.ln_1.bias", &[16]),
        ("transformer.h.0.attn.c_attn.weight", &[16, 48]),
        ("transformer.h.0.attn.c_attn.bias", &[48]),
        ("transformer.h.0.attn.c_proj.weight", &[16, 16]),
        ("transformer.h.0.attn.c_proj.bias", &[16]),
        ("transformer.h.0.ln_2.weight", &[16]),
        ("transformer.h.0.ln_2.bias", &[16]),
        ("transformer.h.0.mlp.c_fc.weight", &[16, 64]),
        ("transformer.h.0.mlp.c_fc.bias", &[64]),
        ("transformer.h.0.mlp.c_proj.weight", &[64, 16]),
        ("transformer.h.0.mlp.c_proj.bias", &[16]),
        ("transformer.ln_f.weight", &[16]),
        ("transformer.ln_f.bias", &[16]),
    ];
    let head = ("lm_head.weight".to_owned(), vec![50, 16]);
    let want: Vec<_> = want.iter().map(|(name, shape)| ((*name).to_owned(), shape.to_vec())).collect();
    assert_eq!(gpt, [want, vec![head.clone()]].concat());
    let llama = shapes(zoo("llama", Sizes { kv_heads: Some(1), ..small }).expect("a network"));
    let want: [(&str, &[usize]); 12] = [
        ("model.embed_tokens.weight", &[50, 16]),
        ("model.layers.0.input_layernorm.weight", &[16]),
        ("model.layers.0.self_attn.q_proj.weight", &[16, 16]),
        ("model.layers.0.self_attn.k_proj.weight", &[8, 16]),
        ("model.layers.0.self_attn.v_proj.weight", &[8, 16]),
        ("model.layers.0.self_attn.o_proj.weight", &[16, 16]),
        ("model.layers.0.post_attention_layernorm.weight", &[16]),
        ("model.layers.0.mlp.gate_proj.weight", &[64, 16]),
        ("model.layers.0.mlp.up_proj.weight", &[64, 16]),
        ("model.layers.0.mlp.down_proj.weight", &[16, 64]),
        ("model.norm.weight", &[16]),
        ("lm_head.weight", &[50, 16]),
    ];
    assert_eq!(llama, want.map(|(name, shape)| (name.to_owned(), shape.to_vec())));
}

#[test]
fn a_tied_head_has_no_parameters_and_goes_by_two_names() {
    let sizes = |tied| Sizes { width: Some(16), depth: Some(1), heads: Some(2), tied, ..Default::default() };
    for (name, table) in [("gpt", "transformer.wte.weight"), ("llama", "model.embed_tokens.weight")] {
        let [own, tied] = [None, Some(true)].map(|tied| zoo(name, sizes(tied)).expect("a network"));
        assert_eq!(own.layout.count() - tied.layout.count(), 50 * 16, "{name}");
        assert_eq!(tied.layout.aliases(), [("lm_head.weight".to_owned(), table.to_owned())]);
        assert!(own.layout.aliases().is_empty() && tied.trunk().is_none());
    }
    let layers = |text: &str| {
        let config: ModelConfig = toml::from_str(text).expect("TOML");
        Model::build(&config, &[50], 50).map_err(|e| e.to_string())
    };
    let table = "[[layers]]\ntype = 'embedding'\nname = 'wte'\nout = 8\n";
    let head = |keys: &str| format!("[[layers]]\ntype = 'linear'\nname = 'head'\ntied = 'wte'\n{keys}\n");
    assert!(layers(&format!("{table}{}", head("bias = false"))).is_ok());
    let norm = "[[layers]]\ntype = 'layer_norm'\n";
    let narrow = "[[layers]]\ntype = 'linear'\nname = 'fc'\nout = 6\n";
    let inside = format!(
        "{table}[[layers]]\ntype = 'residual'\n[[layers.layers]]\ntype = 'linear'\nout = 8\n\
        bias = false\ntied = 'wte'\n[[layers]]\ntype = 'linear'\nname = 'fc'\n"
    );
    for (text, says) in [
        (format!("{table}{}", head("")), "bias = false"),
        (format!("{table}{}", head("bias = false\nspread = 0.1")), "without spread"),
        (format!("{table}{narrow}{}", head("bias = false")), "has shape [50, 8], and a head of 50 outputs from 6"),
        (format!("{table}{}{norm}", head("bias = false\nout = 50")), "the last layer"),
        (format!("{narrow}{}", head("bias = false")), "names no embedding before it; there is none"),
        (format!("{}{}", table.replace("wte", "emb"), head("bias = false")), "there is `emb`"),
        (inside, "the last layer"),
    ] {
        let error = layers(&text).err().unwrap_or_else(|| panic!("{says}: was built"));
        assert!(error.contains(says), "{error}: expected {says}");
    }
}

#[test]
fn sizes_that_do_not_fit_are_refused_in_a_sentence() {
    for (name, sizes, says) in [
        ("gpt", Sizes { width: Some(10), heads: Some(4), ..Default::default() }, "cannot be dealt to 4 heads"),
        ("gpt", Sizes { width: Some(12), heads: Some(2), ..Default::default() }, "multiple of 4"),
        ("gpt", Sizes { kv_heads: Some(2), ..Default::default() }, "sizes.kv_heads: `gpt` has none"),
        ("gpt", Sizes { depth: Some(0), ..Default::default() }, "at least 1"),
        ("llama", Sizes { kv_heads: Some(3), ..Default::default() }, "cannot share kv_heads = 3"),
        ("llama", Sizes { theta: Some(1.0), ..Default::default() }, "above 1"),
        ("llama", Sizes { context: Some(9), ..Default::default() }, "sizes.context: `llama` has none"),
        ("mlp", Sizes::default(), "no language model"),
    ] {
        let error = zoo(name, sizes).err().unwrap_or_else(|| panic!("{says}: was built"));
        assert!(error.contains(says), "{error}");
    }
}
