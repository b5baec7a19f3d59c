//! Tells cargo which folders to watch. A new file there is in no list, so cargo would not build it
//! otherwise.

fn main() {
    say("cargo::rerun-if-changed=actions");
    // Only a release embeds pages and public files. A debug build reads them from the disk.
    if std::env::var("PROFILE").is_ok_and(|profile| profile == "release") {
        say("cargo::rerun-if-changed=pages");
        say("cargo::rerun-if-changed=public");
    }
}

fn say(line: &str) {
    println!("{line}");
}
