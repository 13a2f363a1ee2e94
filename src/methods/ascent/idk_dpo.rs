//! DPO with refusals: of two ways to go on a model learns to prefer "I do not know" to what is to be forgotten.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::base::philox::philox;
use crate::data::Tokenizer;
use crate::methods::prelude::*;

pub(crate) static ROW: MethodRow = MethodRow {
    name: "idk_dpo",
    summary: "direct preference optimisation of texts: a refusal is preferred to what is forgotten, beside the others' \
              loss",
    citation: "Rafailov et al., NeurIPS 2023 (DPO), with the refusals of Maini et al., COLM 2024 (TOFU)",
    tier: Tier::Approximate,
    role: Role::Method,
    takes: ALONE,
    settings: &[
        &[
            texts("refusals", "[\"I do not know.\"]", "What is preferred; each record draws one by the seed."),
            real("beta", "0.1", Range::POSITIVE, "How soon the push fades; the source's."),
            real("retain", "1", Range::NOT_NEGATIVE, "Weight of the retained records' loss; the public code's."),
        ],
        &Climbing::SETTINGS,
    ],
    build: |table| settings::build::<IdkDpo>(&ROW, table),
};

/// Minimises retain L_R − (2/beta) log σ(beta (m − m₀)), m = the forgotten tokens' summed loss − the refusal's, m₀ that
/// of the original. A text up to the first forgotten token is the prompt of both: of a span what stands before it, of
/// a whole record its first token, which nothing predicts; of a prompt too long for the context its end. A refusal is
/// followed by the end of the text. Losses are sums over tokens, as in the source, where `npo` here has means.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct IdkDpo {
    refusals: Vec<String>,
    beta: f64,
    retain: f64,
    #[serde(flatten)]
    climbing: Climbing,
}

/// Keeps the draw of refusals apart from the seed's other uses.
const STREAM_REFUSAL: u32 = 0x6964_6b72;

impl IdkDpo {
    /// A refusal for each forgotten record.
    fn answers(&self, session: &Session, view: &View, tokenizer: &Tokenizer) -> Result<HashMap<u32, Preferred>> {
        let (encoder, context) = (tokenizer.encoder(), session.longest()?);
        let ends = |text: &String| encoder.encode(text).into_iter().chain([tokenizer.end()]).collect();
        let refusals: Vec<Vec<u32>> = self.refusals.iter().map(ends).collect();
        let seed = [view.seed as u32, (view.seed >> 32) as u32];
        let one = |record: &u32| {
            let runs = statistics::runs(session, Part::Before, *record);
            let text = session.text_of(Part::Before, *record)?;
            let prompt = &text[..runs.first().map_or(1, |[from, _]| *from).min(text.len())];
            let drawn = philox([*record, 0, STREAM_REFUSAL, 0], seed)[0] as usize % refusals.len();
            Ok((*record, Preferred::of(prompt, &refusals[drawn], context)?))
        };
        view.forget.iter().map(one).collect()
    }

    /// What is trained.
    fn tasks<'a>(&self, session: &mut Session, view: &View<'a>, tokenizer: &Tokenizer) -> Result<Vec<Task<'a>>> {
        let answers = self.answers(session, view, tokenizer)?;
        let tokens = |record: &u32| {
            let own: usize = statistics::runs(session, Part::Before, *record).iter().map(|[from, to]| to - from).sum();
            [own as f32, -(answers[record].count() as f32)]
        };
        let signed: Vec<f32> = view.forget.iter().flat_map(tokens).collect();
        session.pair(answers)?;
        session.set_aim(&view.train.into())?;
        let pairs = Records { part: Part::Pairs, indices: view.forget };
        let losses = statistics::losses(session, pairs)?;
        let before: Vec<f32> = losses.iter().zip(&signed).map(|(loss, count)| loss * count).collect();
        let signed = session.table("dpo.signed", pairs, 2, &signed)?;
        let before = session.table("dpo.before", pairs, 2, &before)?;
        let lesson = Lesson::Preferred { signed, before, beta: self.beta };
        Ok(vec![Task::retained(view, self.retain), Task { records: pairs, weight: 1.0, lesson }])
    }
}

impl Method for IdkDpo {
    fn suits_targets(&self, targets: TargetKind) -> Result<()> {
        match targets {
            TargetKind::Text => Ok(()),
            other => Err(Error::input(format!(
                "method `{}` prefers a refusal to what a model would write, and the data are {}; use npo or undial",
                ROW.name,
                other.records()
            ))),
        }
    }

    fn forget(&self, session: &mut Session, view: &View) -> Result<Account> {
        let tokenizer = view.tokenizer.ok_or_else(|| {
            Error::input(format!("method `{}` needs the tokenizer of the texts, to write its refusals", ROW.name))
        })?;
        self.climbing.run(session, view, |session| self.tasks(session, view, tokenizer))
    }
}
