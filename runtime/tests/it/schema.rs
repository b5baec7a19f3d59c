//! Who may read the descriptions of all actions.

use kipo::App;

use crate::support::{TestApp, get};

const DESCRIPTIONS: [&str; 2] = ["/_kipo/openapi.json", "/_kipo/client.d.ts"];

#[tokio::test]
async fn a_debug_build_serves_the_descriptions_and_a_release_does_not() {
    let app = TestApp::start().await;
    for path in DESCRIPTIONS {
        let answer = app.send(get(path, "")).await;
        if cfg!(debug_assertions) {
            assert_eq!(answer.status, 200, "{path}");
        } else {
            answer.problem(404, "not_found");
        }
    }
}

#[tokio::test]
async fn an_app_can_publish_the_descriptions() {
    let app = TestApp::with(App::publish_schema).await;
    for path in DESCRIPTIONS {
        let answer = app.send(get(path, "")).await;
        assert_eq!(answer.status, 200, "{path}");
        assert!(answer.body.contains("Echo"), "{path}");
    }
}
