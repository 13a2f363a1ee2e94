//! The documents of several runs put together: those of other machines, or of another implementation of WebGPU.

use std::path::{Path, PathBuf};

use super::CheckReport;
use crate::error::{Error, Result};

/// Reads what `unlearn check --json` wrote and puts the columns side by side, in the order of the files. A column whose
/// label another one has is named after its file as well.
///
/// # Errors
/// A file cannot be read, is no such document, or is of another version or checked something else than the first.
pub fn merged(files: &[PathBuf]) -> Result<CheckReport> {
    let mut reports = files.iter().map(|f| Ok((f.as_path(), read(f)?))).collect::<Result<Vec<_>>>()?;
    let labels: Vec<String> = reports.iter().flat_map(|(_, r)| r.adapters.iter().map(|a| a.label.clone())).collect();
    for (file, report) in &mut reports {
        for adapter in &mut report.adapters {
            if labels.iter().filter(|l| **l == adapter.label).count() > 1 {
                let stem = file.file_stem().unwrap_or_default().to_string_lossy();
                adapter.label = format!("{stem}: {}", adapter.label);
            }
        }
    }
    let mut rest = reports.into_iter();
    let (first, mut all) = rest.next().ok_or_else(|| Error::input("there is nothing to put together"))?;
    for (file, mut report) in rest {
        if let Some(what) = differs(&all, &report) {
            let (first, file) = (first.display(), file.display());
            return Err(Error::input(format!("{file} cannot be put beside {first}: {what}; check both alike")));
        }
        all.adapters.append(&mut report.adapters);
        all.stale.retain(|s| report.stale.contains(s));
        report.planted.retain(|p| !all.planted.contains(p));
        all.planted.append(&mut report.planted);
        all.left_out.append(&mut report.left_out);
    }
    Ok(all)
}

fn read(file: &Path) -> Result<CheckReport> {
    let text = std::fs::read_to_string(file).map_err(Error::io("read", file))?;
    serde_json::from_str(&text)
        .map_err(|e| Error::input(format!("{} is not what `unlearn check --json` writes: {e}", file.display())))
}

fn differs(one: &CheckReport, other: &CheckReport) -> Option<String> {
    let of = |r: &CheckReport| {
        [
            r.version.clone(),
            format!("check {}", r.kind.word()),
            format!("shapes {}", r.shapes),
            format!("seed {}", r.seed),
        ]
    };
    let mut pairs = of(one).into_iter().zip(of(other));
    pairs.find(|(a, b)| a != b).map(|(a, b)| format!("it says {b} where the other says {a}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(label: &str, shapes: &str, stale: &str) -> String {
        let adapter = r#"{"index":0,"name":"x","backend":"vulkan","driver":"","driver_info":"","type":"cpu",
            "vendor_id":0,"device_id":0,"subgroup_min":0,"subgroup_max":0,"features":[],
            "limits":{"max_storage_buffer_binding_bytes":1,"max_buffer_bytes":1,"max_storage_buffers":1,
            "max_workgroup_storage_bytes":1,"max_invocations_per_workgroup":1,
            "max_workgroups_per_dimension":1,"min_storage_offset_alignment":1}}"#;
        format!(
            r#"{{"schema":1,"version":"0","kind":"test","shapes":"{shapes}","seed":1,"stale":[{stale}],
            "adapters":[{{"label":"{label}","adapter":{adapter},"cases":[
            {{"case":"linear.matmul 1","kernels":["linear.matmul"],"status":"fail","seconds":0.5}}]}}]}}"#
        )
    }

    #[test]
    fn columns_stand_side_by_side_and_different_runs_are_refused() {
        let folder = std::env::temp_dir().join(format!("unlearn-merge-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        let put = |name: &str, text: String| {
            let path = folder.join(name);
            std::fs::write(&path, text).expect("writes");
            path
        };
        let linux = put("linux.json", document("0 vulkan", "edge", r#""a","b""#));
        let windows = put("windows.json", document("0 vulkan", "edge", r#""b""#));
        let dawn = put("dawn.json", document("dawn", "edge", r#""b""#));
        let all = merged(&[linux.clone(), windows, dawn]).expect("alike");
        let labels: Vec<&str> = all.adapters.iter().map(|a| a.label.as_str()).collect();
        assert_eq!(labels, ["linux: 0 vulkan", "windows: 0 vulkan", "dawn"]);
        // An entry is stale only where no machine has a use for it.
        assert_eq!((all.stale.as_slice(), all.failures()), (&["b".to_owned()][..], 3));
        let full = put("full.json", document("0 vulkan", "full", ""));
        let error = merged(&[linux.clone(), full]).expect_err("other shapes").to_string();
        assert!(error.contains("full.json") && error.contains("shapes edge"), "{error}");
        let error = merged(&[put("x.json", "{}".into()), linux]).expect_err("no report").to_string();
        assert!(error.contains("x.json is not what"), "{error}");
        std::fs::remove_dir_all(&folder).expect("was there");
    }
}
