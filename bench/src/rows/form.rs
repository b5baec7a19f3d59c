//! A form of ten fields, as browsers send it without JavaScript, and the same fields as JSON back.

use std::io;

use super::work::watch;
use crate::clients::calls::Callers;
use crate::plan::Plan;
use crate::runs::pair::alternate;
use crate::serve::side::Endpoint;
use crate::server::Cores;
use crate::table::{Line, Target};

const CONNECTIONS: u32 = 32;

const FORM: &[u8] =
    b"id=4711&name=Ann+Example&email=ann%40example.org&street=1+Long+Road&city=Sea&\
    zip=12345&age=41&amount=12.5&newsletter=true&note=Please+ring+twice%21";

const ANSWER: &[u8] = br#"{"id":4711,"name":"Ann Example","email":"ann@example.org","street":"1 Long Road","city":"Sea","zip":"12345","age":41,"amount":12.5,"newsletter":true,"note":"Please ring twice!"}"#;

pub(super) async fn measure(plan: &Plan, cores: Cores) -> io::Result<Vec<Line>> {
    let pairs = alternate("forms", plan, cores, async |server| {
        let path = server.side.path(Endpoint::Form);
        let mut callers = Callers::of_form(server.address(), path, CONNECTIONS, FORM, ANSWER);
        watch(plan, server, || callers.answered()).await
    })
    .await?;
    Ok(vec![
        Line::compared("forms of ten fields per second", 0, &pairs, |work| work.per_second())
            .with_target(Target::RatioAtLeast(0.9)),
        Line::compared("– server CPU per form, µs", 1, &pairs, |work| work.cpu_us_per_unit()),
    ])
}
