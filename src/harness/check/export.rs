//! Cases as data, for another implementation of WebGPU to run: the format that `tools/dawn/README.md` describes.

use std::collections::BTreeMap;
use std::io::{BufWriter, Write};
use std::path::Path;

use serde_json::{Value, json};

use super::Selection;
use crate::engine::case::{Case, GUARD, OnNan, Role};
use crate::engine::{
    Access, BufferId, Command, Composed, Data, Dispatch, Elem, Groups, Lane, Requires, Span, composed,
};
use crate::error::{Error, Result};
use crate::harness::trial;

/// What [`export`] writes.
pub const EXPORTED: [&str; 2] = ["cases.json", "cases.bin"];

/// Writes `cases.json` and `cases.bin` into a folder, which is made, and returns how many cases they hold. The twins
/// run for that, no adapter does.
///
/// # Errors
/// A file cannot be written, or a recording does not fit its shaders.
pub fn export(selection: &Selection, folder: &Path) -> Result<usize> {
    std::fs::create_dir_all(folder).map_err(Error::io("make", folder))?;
    let path = folder.join("cases.bin");
    let file = std::fs::File::create(&path).map_err(Error::io("write", &path))?;
    let mut out = Export { blob: BufWriter::new(file), at: 0, shaders: BTreeMap::new() };
    let mut cases = Vec::new();
    selection.each(|item| {
        // Matrix units are no part of WebGPU.
        let webgpu = |case: &&Case| !case.rec.dispatches().any(|d| d.kernel.requires.units());
        if let Some(case) = item.case().filter(webgpu) {
            let mut entry = out.case(case, &path)?;
            entry["kernels"] = json!(item.kernels);
            cases.push(entry);
        }
        Ok(())
    })?;
    out.blob.flush().map_err(Error::io("write", &path))?;
    let count = cases.len();
    let document = json!({
        "schema": 1, "version": env!("CARGO_PKG_VERSION"), "kind": selection.kind,
        "shapes": selection.shapes.to_string(), "seed": selection.seed, "shaders": out.shaders, "cases": cases,
    });
    let path = folder.join("cases.json");
    std::fs::write(&path, document.to_string()).map_err(Error::io("write", &path))?;
    Ok(count)
}

struct Export {
    blob: BufWriter<std::fs::File>,
    at: u64,
    shaders: BTreeMap<&'static str, Value>,
}

fn nan(on_nan: OnNan) -> &'static str {
    match on_nan {
        OnNan::Wrong => "wrong",
        OnNan::Same => "same",
        OnNan::Anything => "anything",
    }
}

fn word(elem: Elem) -> &'static str {
    match elem {
        Elem::F32 => "f32",
        Elem::U32 => "u32",
    }
}

impl Export {
    /// Appends numbers and returns where they begin.
    fn put(&mut self, bytes: &[u8], path: &Path) -> Result<u64> {
        let at = self.at;
        self.blob.write_all(bytes).map_err(Error::io("write", path))?;
        self.at += bytes.len() as u64;
        Ok(at)
    }

    fn case(&mut self, case: &Case, path: &Path) -> Result<Value> {
        let mut buffers = Vec::new();
        for (buffer, want) in case.buffers.iter().zip(trial::expected(case)?) {
            let (elem, role) = match (&buffer.init, buffer.role) {
                (Data::F32(_), role) => (Elem::F32, role),
                (Data::U32(_), role) => (Elem::U32, role),
            };
            let len = buffer.init.bytes().len() / 4;
            let role_word = match role {
                Role::Input => "input",
                Role::Output => "output",
                Role::InOut => "inout",
            };
            let mut entry = json!({ "name": buffer.name, "elem": word(elem), "len": len, "role": role_word });
            if role != Role::Output {
                entry["init"] = self.put(buffer.init.bytes(), path)?.into();
            }
            if role != Role::Input {
                entry["want"] = match want {
                    Lane::F32(v) => self.put(bytemuck::cast_slice(&v), path)?,
                    Lane::U32(v) => self.put(bytemuck::cast_slice(&v), path)?,
                }
                .into();
            }
            buffers.push(entry);
        }
        let temps: Vec<Value> = case.rec.temps.iter().map(|t| json!({ "elem": word(t.elem), "len": t.len })).collect();
        let commands = case.rec.commands.iter().map(|c| self.command(c)).collect::<Result<Vec<Value>>>()?;
        Ok(json!({
            "name": case.name, "rtol": case.rtol, "atol": case.atol, "nan": nan(case.on_nan),
            "buffers": buffers, "temps": temps, "commands": commands,
        }))
    }

    fn command(&mut self, command: &Command) -> Result<Value> {
        match command {
            Command::Dispatch(d) => self.dispatch(d),
            Command::Copy { src, dst } => {
                Ok(json!({ "copy": { "from": place(*src), "to": place(*dst), "len": src.len } }))
            }
            Command::Clear { dst } => {
                let mut range = place(*dst);
                range["len"] = dst.len.into();
                Ok(json!({ "clear": range }))
            }
            Command::Upload { .. } | Command::Readback { .. } => {
                Err(Error::internal("a case that uploads or reads back cannot be exported"))
            }
        }
    }

    fn dispatch(&mut self, d: &Dispatch) -> Result<Value> {
        let shader = composed(d.kernel)?;
        let groups = groups(d, &shader)?;
        let subgroup = match d.kernel.requires {
            Requires::Subgroup8 => 8,
            _ => 0,
        };
        self.shaders.entry(d.kernel.name).or_insert_with(|| json!({ "wgsl": shader.text, "subgroup": subgroup }));
        let overrides: BTreeMap<&str, f64> = d.consts.iter().copied().collect();
        let params: Vec<u32> = bytemuck::pod_collect_to_vec(&d.params);
        let binding = |(span, access): &(Span, Access)| {
            let mut range = place(*span);
            range["len"] = span.len.into();
            range["access"] = if access.writes() { "read_write" } else { "read" }.into();
            range
        };
        let bindings: Vec<Value> = d.bindings.iter().map(binding).collect();
        Ok(json!({
            "kernel": d.kernel.name, "overrides": overrides, "params": params, "bindings": bindings, "groups": groups,
        }))
    }
}

/// A range's buffer and offset; that of a case's buffer counts from its data, not from its guard zone.
fn place(span: Span) -> Value {
    match span.id {
        BufferId::Kept(i) => json!({ "buffer": i, "offset": span.offset - GUARD }),
        BufferId::Temp(i) => json!({ "temp": i, "offset": span.offset }),
        BufferId::Unusable(why) => json!({ "unusable": format!("{why:?}") }),
    }
}

fn groups(d: &Dispatch, shader: &Composed) -> Result<u64> {
    Ok(match d.groups {
        Groups::Groups(n) => n,
        Groups::Threads(n) => {
            let size = shader.consts(d.kernel, &d.consts)?.get("WG").copied().unwrap_or(64.0) as u64;
            n.div_ceil(size.max(1))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::check::Kind;

    #[test]
    fn an_exported_case_says_what_the_format_asks_for() {
        let folder = std::env::temp_dir().join(format!("unlearn-export-{}", std::process::id()));
        let name = "linear.matmul nt 9x21x33 bias";
        assert_eq!(export(&Selection::one(Kind::Test, name), &folder).expect("exports"), 1);
        let text = std::fs::read_to_string(folder.join("cases.json")).expect("was written");
        let document: Value = serde_json::from_str(&text).expect("JSON");
        let case = &document["cases"][0];
        assert_eq!((case["name"].as_str(), document["schema"].as_u64()), (Some(name), Some(1)));
        assert!(document["shaders"]["linear.matmul"]["wgsl"].as_str().is_some_and(|t| t.contains("@compute")));
        let command = &case["commands"][0];
        assert_eq!(command["overrides"]["BIAS"], 1.0);
        assert_eq!(command["params"], json!([9, 21, 33, 33, 1, 1, 33, 1_065_353_216, 0, 1, 0, 0, 0, 0]));
        assert_eq!(command["groups"], (9u64 * 21).div_ceil(64));
        assert_eq!(command["bindings"][3], json!({ "buffer": 3, "offset": 0, "len": 189, "access": "read_write" }));
        let blob = std::fs::read(folder.join("cases.bin")).expect("was written");
        // a, b and the bias in f32, y's expected values in f64.
        assert_eq!(blob.len(), 4 * (9 * 33 + 33 * 21 + 21) + 8 * 189);
        assert_eq!(case["buffers"][3]["want"], 4 * (9 * 33 + 33 * 21 + 21));
        std::fs::remove_dir_all(&folder).expect("was there");
    }
}
