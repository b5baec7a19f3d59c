//! `limited.Call`

use kipo::{Action, Context, Limits, Rate, Result, action};

/// Answers three times a minute for each address.
#[action]
pub struct Call;

impl Action for Call {
    type Output = ();
    const LIMITS: Limits = Limits::new().rate(Rate::per_minute(3));

    async fn call(self, _cx: Context) -> Result<()> {
        Ok(())
    }
}
