//! Builds the release programs beside the steps that come before theirs: browsers leave most of a
//! processor idle, and the build takes minutes where nothing is built yet.

use std::process::{Child, Stdio};

use crate::{
    run::{command, say},
    steps,
};

/// The first step that runs beside the build. Those before it are builds themselves.
pub(crate) const BESIDE: &str = "browser";

/// A build with the lowest priority. It ends with this value.
#[derive(Debug)]
pub(crate) struct Ahead(Child);

impl Ahead {
    /// Begins the build, where a program lowers its priority. The step that needs the programs builds
    /// them anyway: it waits for this build, and reports what fails.
    pub(crate) fn begin() -> Option<Self> {
        let cargo = steps::release_build();
        let mut build = command("nice", &["-n", "19"]);
        build.arg(cargo.get_program()).args(cargo.get_args());
        for (name, value) in cargo.get_envs() {
            match value {
                Some(value) => build.env(name, value),
                None => build.env_remove(name),
            };
        }
        build.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = build.spawn().ok()?;
        say("  (the release programs are built beside this step and the next ones)");
        Some(Self(child))
    }
}

impl Drop for Ahead {
    fn drop(&mut self) {
        // Most likely it has ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
