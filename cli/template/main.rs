//! @TITLE@: a guestbook as a start.

use std::process::ExitCode;

use kipo::App;

kipo::actions!();

fn main() -> ExitCode {
    App::new().files(kipo::files!()).run()
}
