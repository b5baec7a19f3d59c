//! `contact.Submit`, and the page of its form.

use kipo::{
    Action, Context, PageContext, Result, action, data,
    http::{HeaderValue, header},
    page,
};

/// Sends a message to the people behind this site. The demo only repeats it.
#[action]
pub struct Submit {
    /// Who writes.
    #[validate(length(min = 1, max = 60))]
    name: String,
    /// Where the answer goes.
    #[validate(email, length(max = 120))]
    email: String,
    /// The message itself.
    #[validate(length(min = 1, max = 2000))]
    message: String,
}

/// What was sent.
#[data]
pub struct Sent {
    /// Who wrote.
    pub name: String,
    /// Where the answer goes.
    pub email: String,
    /// The message itself.
    pub message: String,
}

/// The cookie that tells the page that a message was sent: it is loaded again after a form without
/// JavaScript.
const SENT: &str = "contact-sent";

impl Action for Submit {
    type Output = Sent;

    async fn call(self, cx: Context) -> Result<Sent> {
        let Self { name, email, message } = self;
        let sent = format!("{SENT}=1; Path=/contact; Max-Age=60; HttpOnly; SameSite=Lax");
        cx.append_header(header::SET_COOKIE, HeaderValue::try_from(sent)?);
        Ok(Sent { name, email, message })
    }
}

/// What the page shows.
#[data]
pub struct Contact {
    /// Whether the visitor has just sent a message.
    is_sent: bool,
}

/// `pages/contact.html`
#[page("contact")]
pub async fn contact(cx: PageContext) -> Result<Contact> {
    let is_sent = cx.cookie(SENT).is_some();
    if is_sent {
        let shown = format!("{SENT}=; Path=/contact; Max-Age=0; HttpOnly; SameSite=Lax");
        cx.append_header(header::SET_COOKIE, HeaderValue::try_from(shown)?);
    }
    Ok(Contact { is_sent })
}
