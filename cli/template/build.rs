//! Tells cargo which folders to watch: a new file there is in no list, so nothing else would
//! make it build again.

fn main() {
    say("cargo::rerun-if-changed=actions");
    // Only a release carries pages and public files inside; a debug build reads them as they are.
    if std::env::var("PROFILE").is_ok_and(|profile| profile == "release") {
        say("cargo::rerun-if-changed=pages");
        say("cargo::rerun-if-changed=public");
    }
}

fn say(line: &str) {
    println!("{line}");
}
