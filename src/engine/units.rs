//! Matrix units: what an adapter lacks for them, and whether an engine uses them.

use super::adapter::AdapterReport;
use super::kernel::{Kernel, Requires};
use super::precision::{Matrices, Precision, UNITS};
use super::{Engine, Gpu, Kind};
use crate::error::{Error, Result};

impl AdapterReport {
    /// Side of its matrix units that multiply f16 into f32, if it has any.
    pub fn matrices(&self) -> Option<u32> {
        UNITS.iter().find(|(name, _)| self.features.iter().any(|f| f == name)).map(|(_, side)| *side)
    }

    /// # Errors
    /// It cannot compute in this precision; says what it lacks.
    pub(super) fn must_compute(&self, precision: Precision) -> Result<()> {
        if precision.is_f32() || self.matrices().is_some() {
            return Ok(());
        }
        let without = |feature: &str| !self.features.iter().any(|f| f == feature);
        let lacks = match () {
            () if self.backend != "vulkan" => "it is no Vulkan adapter, and only of those are matrix units used",
            () if without("f16") => "it has no f16",
            () if without("subgroups") => "it has no subgroups",
            () => "it lists no cooperative matrices of 8 x 8 or 16 x 16 with f16 operands and f32 sums",
        };
        Err(Error::Unsupported(format!(
            "--precision {} needs matrix units that {} ({}) lacks: {lacks}; use --precision f32, or an adapter whose \
                features `unlearn adapters` lists with matrices8 or matrices16",
            precision.word(),
            self.name,
            self.backend
        )))
    }

    /// What it lacks for a kernel, matrix units being open or not; `None` if it can run it.
    fn lacks(&self, kernel: &Kernel, open: bool) -> Option<String> {
        let side = match kernel.requires {
            Requires::Nothing => return None,
            Requires::Subgroup8 if self.subgroup_min >= 8 => return None,
            Requires::Subgroup8 => {
                let (name, backend, has) = (&self.name, &self.backend, self.subgroup_min);
                let needs = format!("kernel {} needs subgroups of at least 8 lanes", kernel.name);
                return Some(format!("{needs} (Subgroup8); {name} ({backend}) has {has}"));
            }
            Requires::Matrices8 => 8,
            Requires::Matrices16 => 16,
        };
        let needs = format!("kernel {} needs matrix units of {side} x {side} (Matrices{side})", kernel.name);
        let listed = self.features.iter().any(|f| UNITS.contains(&(f, side)));
        match (listed, open) {
            (true, true) => None,
            (true, false) => Some(format!("{needs}, which --precision mixed or split opens")),
            (false, _) => Some(format!("{needs}; {} ({}) lists none", self.name, self.backend)),
        }
    }
}

impl Engine {
    /// The matrix units that it was opened with, whether or not products are recorded for them.
    pub fn units(&self) -> Option<Matrices> {
        match &self.kind {
            Kind::Gpu(g) if !g.options.precision.is_f32() => {
                let (precision, lanes) = (g.options.precision, g.report.subgroup_max);
                g.report.matrices().map(|side| Matrices { precision, side, lanes })
            }
            _ => None,
        }
    }

    /// Whether products are recorded for the matrix units from now on: [`Engine::target`] then names them. For who has
    /// seen that they compute what they should.
    pub fn trust_units(&mut self, trusted: bool) {
        let units = self.units().filter(|_| trusted);
        if let Kind::Gpu(g) = &mut self.kind {
            g.trusted = units;
        }
    }

    /// In what numbers products are computed that are recorded for [`Engine::target`].
    pub fn precision(&self) -> Precision {
        self.target().matrices.map_or(Precision::F32, |m| m.precision)
    }

    /// What the engine lacks for a kernel; `None` if it can run it.
    pub fn lacks(&self, kernel: &Kernel) -> Option<String> {
        match &self.kind {
            Kind::Gpu(g) => g.lacks(kernel),
            Kind::Reference(_) => None,
        }
    }
}

impl Gpu {
    /// What it lacks for a kernel; `None` if it can run it.
    pub(super) fn lacks(&self, kernel: &Kernel) -> Option<String> {
        self.report.lacks(kernel, !self.options.precision.is_f32())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_adapter_lacks_is_said_by_name() {
        let of = |backend: &str, features: &[&str]| AdapterReport {
            name: "X".into(),
            backend: backend.into(),
            features: features.iter().map(|f| (*f).to_owned()).collect(),
            ..Default::default()
        };
        let says = |report: AdapterReport, precision| match report.must_compute(precision) {
            Err(error) => (error.exit_code(), error.to_string()),
            Ok(()) => (0, String::new()),
        };
        let all = ["f16", "subgroups", "matrices8"];
        for (report, what) in [
            (of("metal", &all[..2]), "no Vulkan adapter"),
            (of("vulkan", &all[1..2]), "no f16"),
            (of("vulkan", &all[..1]), "no subgroups"),
            (of("vulkan", &all[..2]), "lists no cooperative matrices"),
        ] {
            let (code, said) = says(report.clone(), Precision::Split);
            assert!(code == 6 && said.contains(what) && said.contains("--precision split"), "{code} {said}");
            assert_eq!(says(report, Precision::F32).0, 0);
        }
        assert_eq!(says(of("vulkan", &all), Precision::Mixed).0, 0);
        assert_eq!(of("vulkan", &["matrices8", "matrices16"]).matrices(), Some(16));
        assert_eq!(Precision::ALL.map(|p| Precision::of(p.word())), Precision::ALL.map(Some));
    }
}
