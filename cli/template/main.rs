//! @TITLE@: a guestbook as a start.

use std::process::ExitCode;

use kipo::App;

kipo::actions!();

fn main() -> ExitCode {
    app().run()
}

/// The app as it is served, and as its tests start it.
fn app() -> App {
    App::new().files(kipo::files!())
}

#[cfg(test)]
mod tests {
    use kipo::testing;

    #[tokio::test]
    async fn the_page_has_a_form_and_unknown_addresses_have_a_page() {
        let app = testing::App::start(crate::app()).await;
        let page = app.get("/").await;
        assert_eq!(page.status(), 200, "{page}");
        assert!(page.text().contains("<h1>The guestbook</h1>"), "{page}");
        assert_eq!(app.get("/nowhere").await.status(), 404);
    }
}
