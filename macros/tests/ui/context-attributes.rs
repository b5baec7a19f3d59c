use kipo::{ClientIp, Context, PageContext, Result, action, page};

#[action]
pub struct Checked {
    #[context]
    #[validate(length(min = 1))]
    ip: ClientIp,
}

#[action]
pub struct Decoded {
    #[serde(default)]
    #[context]
    ip: ClientIp,
}

#[action]
pub struct Doubled {
    #[context]
    #[context]
    ip: ClientIp,
}

#[action]
pub struct Configured {
    #[context(optional)]
    ip: ClientIp,
}

#[action]
#[serde(default)]
pub struct Whole {
    #[context]
    ip: ClientIp,
    text: String,
}

#[action]
async fn not_needed(#[context] _cx: Context) -> Result<()> {
    Ok(())
}

#[page("not-needed")]
async fn not_needed_either(#[context] _cx: PageContext) -> Result<()> {
    Ok(())
}

fn main() {}
