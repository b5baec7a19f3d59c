#[allow(unreachable_pub)]
mod actions {
    pub(crate) mod admin {
        pub(crate) mod users {
            #[path = "/app/actions/admin/users/purge.rs"]
            pub(crate) mod purge;
        }
    }
    pub(crate) mod chat {
        #[path = "/app/actions/chat/hub.rs"]
        pub(crate) mod hub;
        #[path = "/app/actions/chat/send.rs"]
        pub(crate) mod send;
    }
    #[path = "/app/actions/ping.rs"]
    pub(crate) mod ping;
    pub(crate) mod r#type {
        #[path = "/app/actions/type/become.rs"]
        pub(crate) mod r#become;
    }
    #[path = "/app/actions/shop/mod.rs"]
    pub(crate) mod shop;
}
fn app() -> Files {
    {
        #[cfg(debug_assertions)]
        let files = ::kipo::Files::on_disk("/app");
        #[cfg(not(debug_assertions))]
        let files = ::kipo::Files::embedded(
            &[
                (
                    "pages/blog/[slug].html",
                    ::core::include_bytes!(
                        "/app/pages/blog/[slug].html"
                    ),
                ),
                (
                    "pages/index.html",
                    ::core::include_bytes!(
                        "/app/pages/index.html"
                    ),
                ),
                (
                    "public/app.css",
                    ::core::include_bytes!(
                        "/app/public/app.css"
                    ),
                ),
            ],
        );
        files
    }
}
