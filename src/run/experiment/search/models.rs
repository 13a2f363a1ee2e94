//! Models that a search trains once and keeps: the original, and the retrains of its search sets.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::base::{Digest, sha256, write_atomic};
use crate::error::{Error, Result};

/// Where models lie, and what all of them depend on.
pub(super) struct Models {
    folder: PathBuf,
    /// Of recipe, data, adapter.
    context: String,
}

/// What is kept of a model besides its weights; written last.
#[derive(Serialize, Deserialize)]
struct Facts {
    seconds: f64,
    theta_sha256: String,
}

impl Models {
    pub fn new(out: &Path, context: String) -> Models {
        Models { folder: out.join("models"), context }
    }

    /// The weights of a model and the seconds that it took, from its file or else made.
    ///
    /// # Errors
    /// What making fails with; files that cannot be written.
    pub fn get(
        &self,
        request: &str,
        seed: u64,
        make: impl FnOnce() -> Result<(Vec<f32>, f64)>,
    ) -> Result<(Vec<f32>, f64)> {
        let mut digest = Digest::new("unlearn.search.model/1");
        digest.field("context", self.context.as_bytes()).field("request", request.as_bytes());
        digest.field("seed", &seed.to_le_bytes());
        let name = digest.finish()[..16].to_owned();
        let [weights, facts] = ["f32", "json"].map(|ending| self.folder.join(format!("{name}.{ending}")));
        if let Some(kept) = kept(&weights, &facts) {
            return Ok(kept);
        }
        let (theta, seconds) = make()?;
        fs::create_dir_all(&self.folder).map_err(Error::io("create", &self.folder))?;
        let bytes: &[u8] = bytemuck::cast_slice(&theta);
        write_atomic(&weights, bytes)?;
        let written = serde_json::to_string(&Facts { seconds, theta_sha256: sha256(bytes) });
        let text = written.map_err(|e| Error::internal(format!("facts of a model: {e}")))?;
        write_atomic(&facts, text.as_bytes())?;
        Ok((theta, seconds))
    }
}

/// What a file holds; nothing if anything about it is not as it was written.
fn kept(weights: &Path, facts: &Path) -> Option<(Vec<f32>, f64)> {
    let facts: Facts = serde_json::from_slice(&fs::read(facts).ok()?).ok()?;
    let bytes = fs::read(weights).ok().filter(|bytes| sha256(bytes) == facts.theta_sha256)?;
    Some((bytemuck::pod_collect_to_vec(&bytes), facts.seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_made_once_and_again_when_its_file_was_changed() {
        let dir = tempfile::tempdir().unwrap();
        let models = Models::new(dir.path(), "recipe".into());
        let made = |value: f32| move || Ok((vec![value, 2.0], 3.5));
        let never = || -> Result<(Vec<f32>, f64)> { panic!("it is there") };
        assert_eq!(models.get("r", 1, made(1.0)).unwrap(), (vec![1.0, 2.0], 3.5));
        assert_eq!(models.get("r", 1, never).unwrap(), (vec![1.0, 2.0], 3.5));
        assert_eq!(models.get("r", 2, made(5.0)).unwrap().0, [5.0, 2.0]);
        assert_eq!(models.get("q", 1, made(6.0)).unwrap().0, [6.0, 2.0]);
        assert_eq!(Models::new(dir.path(), "other".into()).get("r", 1, made(7.0)).unwrap().0, [7.0, 2.0]);
        for entry in fs::read_dir(dir.path().join("models")).unwrap().flatten() {
            if entry.path().extension().is_some_and(|e| e == "f32") {
                fs::write(entry.path(), [0; 8]).unwrap();
            }
        }
        assert_eq!(models.get("r", 1, made(9.0)).unwrap().0, [9.0, 2.0]);
    }
}
