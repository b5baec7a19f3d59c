//! The demo of Kipo: a chat at `/` and a progress tracker at `/progress`.

use std::process::ExitCode;

use kipo::App;

kipo::actions!();

fn main() -> ExitCode {
    App::new().files(kipo::files!()).run()
}
