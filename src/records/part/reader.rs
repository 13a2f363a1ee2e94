//! What evaluation reads models with: any records, test records among them. A training session cannot be made of it.

use super::{Part, Read, Records};
use crate::data::{Dataset, Deletion, GraphData, Known, Samples};
use crate::engine::Engine;
use crate::error::Result;
use crate::nn::Model;
use crate::records::session::Session;
use crate::records::upload::{alone, upload};

/// Records that are read and never trained on: statistics run over them, a fit refuses them.
pub struct Reader<'e> {
    session: Session<'e>,
}

impl<'e> Reader<'e> {
    /// Records that stand alone, of any split; ids are positions.
    ///
    /// # Errors
    /// No memory.
    pub fn rows(engine: &'e mut Engine, model: &'e Model, samples: &Samples, theta: &[f32]) -> Result<Reader<'e>> {
        let part = Part::Read(Read { before: false });
        Reader::over(Session::with(engine, model, theta, |engine| alone(engine, model, &[(part, samples)], &[])))
    }

    /// Training records of text as they were, and as they are once parts of some are taken out.
    ///
    /// # Errors
    /// No memory.
    pub fn texts(
        engine: &'e mut Engine,
        model: &'e Model,
        [before, after]: [&Samples; 2],
        theta: &[f32],
    ) -> Result<Reader<'e>> {
        let [was, is] = [true, false].map(|before| Part::Read(Read { before }));
        let parts = [(was, before), (is, after)];
        Reader::over(Session::with(engine, model, theta, |engine| alone(engine, model, &parts, &[])))
    }

    /// All nodes of a graph, or all graphs of a collection, before and after a deletion; ids are theirs. Of links, the
    /// nodes whose embeddings score them.
    ///
    /// # Errors
    /// No memory.
    pub fn graph(
        engine: &'e mut Engine,
        model: &'e Model,
        data: &GraphData,
        deletion: Option<&Deletion>,
        theta: &[f32],
    ) -> Result<Reader<'e>> {
        Reader::over(Session::with(engine, model, theta, |engine| {
            upload(engine, model, &Known::everything(data), deletion)
        }))
    }

    /// The test records of a data set that the model has an output for, and their ids.
    ///
    /// # Errors
    /// No memory.
    pub fn test(
        engine: &'e mut Engine,
        model: &'e Model,
        data: &Dataset,
        theta: &[f32],
    ) -> Result<(Reader<'e>, Vec<u32>)> {
        match data.graph_to_test() {
            Some((known, test)) => {
                let session = Session::with(engine, model, theta, |engine| upload(engine, model, &known, None));
                Ok((Reader::over(session)?, test))
            }
            None => {
                let test = data.scored(&data.test);
                Ok((Reader::rows(engine, model, &test, theta)?, (0..test.len() as u32).collect()))
            }
        }
    }

    /// As [`Reader::test`] for a stack of models, one for each of `thetas`, in one pass.
    ///
    /// # Errors
    /// As [`Reader::test`]; no model or too many.
    pub fn test_stack(
        engine: &'e mut Engine,
        model: &'e Model,
        data: &Dataset,
        thetas: &[&[f32]],
    ) -> Result<(Reader<'e>, Vec<u32>)> {
        let models = Some(thetas.len());
        let (session, ids) = match data.graph_to_test() {
            Some((known, test)) => {
                let upload = |engine: &mut Engine| upload(engine, model, &known, None);
                (Session::holding(engine, model, models, upload)?, test)
            }
            None => {
                let test = data.scored(&data.test);
                let part = Part::Read(Read { before: false });
                let upload = |engine: &mut Engine| alone(engine, model, &[(part, &test)], &[]);
                (Session::holding(engine, model, models, upload)?, (0..test.len() as u32).collect())
            }
        };
        Ok((Reader::over(session.begun_at(thetas))?, ids))
    }

    fn over(session: Result<Session<'e>>) -> Result<Reader<'e>> {
        let mut session = session?;
        session.read_only = true;
        Ok(Reader { session })
    }

    /// The records with these ids as they are after the deletion, or `before` it.
    pub fn records<'a>(&self, indices: &'a [u32], before: bool) -> Records<'a> {
        Records { part: Part::Read(Read { before }), indices }
    }

    /// What statistics run over.
    pub fn session(&mut self) -> &mut Session<'e> {
        &mut self.session
    }
}
