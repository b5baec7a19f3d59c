//! The demo of Kipo: a chat at `/`, rooms at `/rooms` and a progress tracker at `/progress`.

use std::process::ExitCode;

use kipo::App;

kipo::actions!();

fn main() -> ExitCode {
    let app = App::new().files(kipo::files!());
    // An app that always runs on an engine has the connector without a feature.
    #[cfg(feature = "nats")]
    let app = app.connector(kipo_nats::CONNECTOR);
    #[cfg(feature = "redis")]
    let app = app.connector(kipo_redis::CONNECTOR);
    app.run()
}
