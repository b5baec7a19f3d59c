//! What a page's function says of its answer besides the data.

use http::StatusCode;

use crate::{
    error::{Error, Result},
    page::data::{cache::Cache, meta::Meta},
};

/// Nothing of it is set until the function does.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reply {
    pub(crate) status: Option<u16>,
    pub(crate) cache: Option<Cache>,
    pub(crate) meta: Meta,
}

impl Reply {
    /// Returns the status.
    ///
    /// # Errors
    ///
    /// A 500 if it is one that no page can be shown with.
    pub(crate) fn status(&self) -> Result<StatusCode> {
        let Some(number) = self.status else { return Ok(StatusCode::OK) };
        // 204 and 205 have no body, and a 206 is a part of one.
        let shown = |number| matches!(number, 200..=203 | 400..=599);
        let status = StatusCode::from_u16(number).ok().filter(|_| shown(number));
        status.ok_or_else(|| {
            let instead = if number / 100 == 3 { ": return `Error::redirect`" } else { "" };
            Error::internal(format!("a page is not shown with the status {number}{instead}"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_shown_with_a_status_that_has_a_body() {
        for (number, right) in [
            (200, true),
            (202, true),
            (404, true),
            (503, true),
            (0, false),
            (101, false),
            (204, false),
            (206, false),
            (302, false),
            (304, false),
            (600, false),
        ] {
            let reply = Reply { status: Some(number), ..Reply::default() };
            assert_eq!(reply.status().is_ok(), right, "{number}");
        }
        assert_eq!(Reply::default().status().unwrap(), 200);
    }
}
