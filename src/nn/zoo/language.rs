//! Language models: what goes in is a token of a vocabulary, what comes out a logit for each token that may follow.

use serde::{Deserialize, Serialize};
use toml::Table;

use super::super::lora::Lora;
use crate::error::{Error, Result};

/// Sizes of a language model of the zoo; what is absent follows from the others.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Sizes {
    /// Features of a token: 128 if absent.
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 4)))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub width: Option<usize>,
    /// Blocks of attention and MLP: 4 if absent.
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 1)))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub depth: Option<usize>,
    /// Attentions side by side: 4 if absent.
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 1)))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub heads: Option<usize>,
    /// Heads of keys and values, of `llama`: as many as `heads` if absent.
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 1)))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kv_heads: Option<usize>,
    /// Width inside the MLP: 4 times `width` of `gpt`, 8/3 of it in whole 32s of `llama` if absent.
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 1)))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inner: Option<usize>,
    /// Tokens of the longest sequence, of `gpt`: 256 if absent.
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 1)))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context: Option<usize>,
    /// Theta of rotary positions, of `llama`: 10000 if absent.
    #[cfg_attr(feature = "cli", schemars(extend("exclusiveMinimum" = 1)))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub theta: Option<f64>,
    /// The head's matrix is the tokens' table, as in GPT-2's published weights: not if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tied: Option<bool>,
    /// Adapters beside every map of the blocks, which alone are trained then: none if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lora: Option<Lora>,
    /// Added to variances and mean squares: 1e-5 of `gpt`, 1e-6 of `llama` if absent.
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 0)))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub eps: Option<f64>,
}

/// GPT-2's deviation of weights at the start.
const SPREAD: f64 = 0.02;

fn layer(kind: &str, keys: &[(&str, toml::Value)]) -> Table {
    let kind = [("type".to_owned(), kind.into())];
    kind.into_iter().chain(keys.iter().map(|(key, value)| ((*key).to_owned(), value.clone()))).collect()
}

fn residual(layers: Vec<Table>) -> Table {
    layer("residual", &[("layers", layers.into())])
}

fn whole(n: usize) -> toml::Value {
    toml::Value::Integer(i64::try_from(n).unwrap_or(i64::MAX))
}

impl Sizes {
    /// The sizes that both architectures have.
    fn common(&self) -> Result<[usize; 3]> {
        let all = [self.width.unwrap_or(128), self.depth.unwrap_or(4), self.heads.unwrap_or(4)];
        match all.contains(&0) {
            true => Err(Error::input("model.sizes: width, depth and heads must be at least 1")),
            false => Ok(all),
        }
    }

    /// A layer with the adapters that are asked for.
    fn adapted(&self, mut layer: Table) -> Table {
        if let Some(Lora { rank, alpha }) = self.lora {
            let keys = [("rank".to_owned(), whole(rank)), ("alpha".to_owned(), alpha.into())];
            layer.insert("lora".into(), Table::from_iter(keys).into());
        }
        layer
    }

    fn has_no(name: &str, keys: &[(&str, bool)]) -> Result<()> {
        match keys.iter().find(|(_, given)| *given) {
            Some((key, _)) => Err(Error::input(format!("model.sizes.{key}: `{name}` has none; leave it out"))),
            None => Ok(()),
        }
    }
}

/// GPT-2 (Radford et al. 2019) with the names and layouts of transformers' GPT2LMHeadModel; the head has a matrix of
/// its own unless it is tied.
pub(super) fn gpt(sizes: &Sizes) -> Result<Vec<Table>> {
    let [width, depth, heads] = sizes.common()?;
    Sizes::has_no("gpt", &[("kv_heads", sizes.kv_heads.is_some()), ("theta", sizes.theta.is_some())])?;
    let (inner, context) = (sizes.inner.unwrap_or(4 * width), sizes.context.unwrap_or(256));
    let spread = ("spread", toml::Value::from(SPREAD));
    let norm = |name: String| layer("layer_norm", &[("name", name.into()), ("eps", sizes.eps.unwrap_or(1e-5).into())]);
    let linear = |name: String, out: usize| {
        sizes.adapted(layer("linear_transposed", &[("name", name.into()), ("out", whole(out)), spread.clone()]))
    };
    let mut all = vec![
        layer("embedding", &[("name", "transformer.wte".into()), ("out", whole(width)), spread.clone()]),
        layer("position_embedding", &[("name", "transformer.wpe".into()), ("context", whole(context))]),
    ];
    for block in (0..depth).map(|i| format!("transformer.h.{i}")) {
        let attention = [
            ("name", format!("{block}.attn").into()),
            ("heads", whole(heads)),
            ("transposed", true.into()),
            ("names", vec!["c_attn", "c_proj"].into()),
            spread.clone(),
        ];
        let attention = sizes.adapted(layer("self_attention", &attention));
        all.push(residual(vec![norm(format!("{block}.ln_1")), attention]));
        all.push(residual(vec![
            norm(format!("{block}.ln_2")),
            linear(format!("{block}.mlp.c_fc"), inner),
            layer("gelu_tanh", &[]),
            linear(format!("{block}.mlp.c_proj"), width),
        ]));
    }
    all.extend([norm("transformer.ln_f".into()), head(sizes, "transformer.wte")]);
    Ok(all)
}

fn head(sizes: &Sizes, table: &str) -> Table {
    let how = if sizes.tied == Some(true) { ("tied", table.into()) } else { ("spread", SPREAD.into()) };
    layer("linear", &[("name", "lm_head".into()), ("bias", false.into()), how])
}

/// Llama (Touvron et al. 2023) with the names of transformers' LlamaForCausalLM.
pub(super) fn llama(sizes: &Sizes) -> Result<Vec<Table>> {
    let [width, depth, heads] = sizes.common()?;
    Sizes::has_no("llama", &[("context", sizes.context.is_some())])?;
    let inner = sizes.inner.unwrap_or((8 * width).div_ceil(3).next_multiple_of(32));
    let spread = ("spread", toml::Value::from(SPREAD));
    let norm = |name: String| layer("rms_norm", &[("name", name.into()), ("eps", sizes.eps.unwrap_or(1e-6).into())]);
    let mut all =
        vec![layer("embedding", &[("name", "model.embed_tokens".into()), ("out", whole(width)), spread.clone()])];
    for block in (0..depth).map(|i| format!("model.layers.{i}")) {
        let attention = [
            ("name", format!("{block}.self_attn").into()),
            ("heads", whole(heads)),
            ("kv_heads", whole(sizes.kv_heads.unwrap_or(heads))),
            ("bias", false.into()),
            ("rotary", sizes.theta.unwrap_or(10_000.0).into()),
            spread.clone(),
        ];
        let mlp = [("name", format!("{block}.mlp").into()), ("inner", whole(inner)), spread.clone()];
        let [attention, mlp] =
            [("self_attention", &attention[..]), ("swiglu", &mlp)].map(|(kind, keys)| sizes.adapted(layer(kind, keys)));
        all.push(residual(vec![norm(format!("{block}.input_layernorm")), attention]));
        all.push(residual(vec![norm(format!("{block}.post_attention_layernorm")), mlp]));
    }
    all.extend([norm("model.norm".into()), head(sizes, "model.embed_tokens")]);
    Ok(all)
}
