//! What a shell and `man` are given: every command is in it.

use serde_json::Value;
use unlearn::cli::COMMANDS;

use crate::shared::binary::{Desk, ends, refused};

fn text(arguments: &[&str]) -> String {
    String::from_utf8(ends(arguments, 0).unwrap_or_else(|e| panic!("{e}")).stdout).expect("text")
}

#[test]
fn completions_know_every_command_and_their_words() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = text(&["completions", shell]);
        for row in COMMANDS {
            assert!(script.contains(row.name), "{shell}: {}", row.name);
        }
        assert!(script.contains("max-memory"), "{shell}");
    }
    // Where a shell takes them, the words of an argument too.
    assert!(["bash", "fish", "zsh"].iter().all(|shell| text(&["completions", shell]).contains("per-sample")));
    refused(&["completions", "csh"], &["csh"]).expect("refused");
    let document: Value = serde_json::from_str(&text(&["completions", "fish", "--json"])).expect("JSON");
    assert!(document["script"].as_str().is_some_and(|script| script.contains("complete -c unlearn")));
}

#[test]
fn the_manual_has_a_page_for_every_command() {
    let page = text(&["man"]);
    assert!(page.contains(".TH unlearn 1") && page.contains("Exit codes"), "{page}");
    for row in COMMANDS {
        assert!(page.contains(row.name), "{}", row.name);
        let own = text(&["man", row.name]);
        let about = own.replace('\\', "");
        assert!(about.contains(&format!("unlearn-{}", row.name)), "{own}");
    }
    let desk = Desk::new();
    let folder = desk.text("pages");
    let written = text(&["man", "--out", &folder]);
    assert_eq!(written.lines().count(), COMMANDS.len() + 1);
    assert_eq!(crate::shared::binary::names(&desk.path("pages")).len(), COMMANDS.len() + 1);
    refused(&["man", "trian"], &["did you mean `train`"]).expect("refused");
}
