//! The fields `RateLimit-Policy` and `RateLimit` of a response.
//!
//! They have the form of draft-ietf-httpapi-ratelimit-headers-09: lists of structured fields
//! (RFC 9651), each member named after its policy.

use http::{HeaderName, HeaderValue};

use crate::action::{context::Context, limits::rate::Rate};

const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// What a rate says to its callers.
#[derive(Clone, Debug)]
pub(super) struct Policy {
    /// Only ASCII letters, digits and `_.-`.
    name: String,
    field: Option<HeaderValue>,
}

impl Policy {
    pub(super) fn new(name: &str, rate: &Rate) -> Self {
        let is_plain = |c: &char| c.is_ascii_alphanumeric() || "_.-".contains(*c);
        let name: String = name.chars().filter(is_plain).collect();
        let window = seconds(rate.refill_ns());
        let field = format!(r#""{name}";q={};w={window}"#, rate.capacity());
        Self { name, field: HeaderValue::try_from(field).ok() }
    }

    /// Adds the fields to the response of a request: how many calls are left, and the time until all
    /// of them are back.
    pub(super) fn report(&self, cx: &Context, remaining: u32, full_in_ns: u64) {
        let field = format!(r#""{}";r={remaining};t={}"#, self.name, seconds(full_in_ns));
        if let (Some(policy), Ok(field)) = (&self.field, HeaderValue::try_from(field)) {
            cx.append_header(RATE_LIMIT_POLICY, policy.clone());
            cx.append_header(RATE_LIMIT, field);
        }
    }
}

/// Returns whole seconds, rounded up: a caller that waits for them does not come too early.
pub(super) fn seconds(nanos: u64) -> u32 {
    u32::try_from(nanos.div_ceil(1_000_000_000)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;

    #[test]
    fn the_fields_name_the_policy_its_quota_and_what_is_left() {
        let (cx, mut headers) = (Context::test(), HeaderMap::new());
        let policy = Policy::new("lo\"g\nin", &Rate::per_minute(5).burst(10));
        policy.report(&cx, 3, 84_000_000_001);
        cx.take_headers(&mut headers);
        assert_eq!(headers["ratelimit-policy"], r#""login";q=10;w=120"#);
        assert_eq!(headers["ratelimit"], r#""login";r=3;t=85"#);
    }
}
