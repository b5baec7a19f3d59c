//! The address that a form posts to: that of its page, with the name of the action in the query.

/// The name of the action, in the query.
pub(super) const FORM: &str = "kipo-form";

/// The key of a form that a page has several times, in the query.
pub(super) const KEY: &str = "kipo-key";

/// The query of a page's address: what is the page's own, and which form was posted to it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Address {
    /// The query without what is ours, as the client wrote it.
    pub(crate) rest: String,
    pub(crate) action: Option<String>,
    pub(crate) key: Option<String>,
}

impl Address {
    /// Reads a query.
    pub(crate) fn of(query: Option<&str>) -> Self {
        let mut address = Self::default();
        for pair in query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
            let decoded: Option<Vec<(String, String)>> = serde_html_form::from_str(pair).ok();
            match decoded.and_then(|pairs| pairs.into_iter().next()) {
                Some((name, value)) if name == FORM => address.action = Some(value),
                Some((name, value)) if name == KEY => {
                    address.key = Some(value).filter(|key| !key.is_empty());
                }
                _ => {
                    if !address.rest.is_empty() {
                        address.rest.push('&');
                    }
                    address.rest.push_str(pair);
                }
            }
        }
        address
    }

    /// Returns a path with the query that is the page's own.
    pub(crate) fn below(&self, path: &str) -> String {
        match self.rest.as_str() {
            "" => path.to_owned(),
            rest => format!("{path}?{rest}"),
        }
    }

    /// Returns the address of a form, relative to its page.
    pub(super) fn of_form(&self, action: &str, key: Option<&str>) -> String {
        let mut address = String::from("?");
        if !self.rest.is_empty() {
            address.push_str(&self.rest);
            address.push('&');
        }
        let pairs = [Some((FORM, action)), key.map(|key| (KEY, key))];
        let pairs: Vec<_> = pairs.into_iter().flatten().collect();
        // Pairs of text always have a form.
        address.push_str(&serde_html_form::to_string(pairs).unwrap_or_default());
        address
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_query_of_the_page_stays_as_it_was_written() {
        let address = Address::of(Some("a=%41&kipo-form=x.Y&b&&kipo-key=a+b&kipo%2Dkey=c"));
        assert_eq!(address.rest, "a=%41&b");
        assert_eq!(address.action.as_deref(), Some("x.Y"));
        assert_eq!(address.key.as_deref(), Some("c"));
        assert_eq!(address.below("/p"), "/p?a=%41&b");
        assert_eq!(address.of_form("z.Z", None), "?a=%41&b&kipo-form=z.Z");
        assert_eq!(
            Address::of(None).of_form("z.Z", Some("ä &")),
            "?kipo-form=z.Z&kipo-key=%C3%A4+%26"
        );
        assert_eq!(Address::of(Some("kipo-key=")).below("/p"), "/p");
        assert_eq!(Address::of(Some("kipo-key=")).key, None);
    }
}
