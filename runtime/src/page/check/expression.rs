//! Tera's expressions and statements in words, as far as the lints have to read them.

/// The smallest parts of an expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Token<'a> {
    /// A name, a keyword or a number.
    Word(&'a str),
    /// What stands between quotes, as written.
    Text(&'a str),
    Mark(char),
}

/// An expression or a statement, with its braces.
#[derive(Clone, Debug)]
pub(crate) struct Expression<'a> {
    /// Each token with its place in the template, in bytes.
    pub(crate) tokens: Vec<(usize, Token<'a>)>,
}

impl<'a> Expression<'a> {
    /// Reads `{{ … }}` or `{% … %}`, which starts at `at`.
    pub(crate) fn of(written: &'a str, at: usize) -> Self {
        let inner = written.get(2..).unwrap_or_default();
        let inner = inner.strip_suffix("}}").or(inner.strip_suffix("%}")).unwrap_or(inner);
        let mut tokens = Vec::new();
        let mut rest = inner;
        while let Some(c) = rest.chars().next() {
            let place = at + 2 + inner.len() - rest.len();
            let length = match c {
                c if c.is_whitespace() => c.len_utf8(),
                '"' | '\'' | '`' => {
                    let end = text_end(rest);
                    let text = &rest[1..end];
                    tokens.push((place, Token::Text(text.strip_suffix(c).unwrap_or(text))));
                    end
                }
                c if is_word(c) => {
                    let end = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
                    tokens.push((place, Token::Word(&rest[..end])));
                    end
                }
                c => {
                    tokens.push((place, Token::Mark(c)));
                    c.len_utf8()
                }
            };
            rest = &rest[length..];
        }
        // `{{-` and `-}}` are about the blanks around it.
        if tokens
            .first()
            .is_some_and(|(place, token)| (*place, *token) == (at + 2, Token::Mark('-')))
        {
            tokens.remove(0);
        }
        if inner.ends_with('-') {
            tokens.pop();
        }
        Self { tokens }
    }

    /// Returns the word that a statement starts with.
    pub(crate) fn keyword(&self) -> Option<&'a str> {
        match self.tokens.first() {
            Some((_, Token::Word(word))) => Some(word),
            _ => None,
        }
    }

    /// Returns where a filter of this name is applied, wherever in it.
    pub(crate) fn filter(&self, name: &str) -> Option<usize> {
        let before = |token: Token<'_>| {
            // `{% filter safe %}` as well.
            token == Token::Mark('|') || token == Token::Word("filter")
        };
        let mut pairs = self.tokens.windows(2);
        pairs.find(|pair| before(pair[0].1) && pair[1].1 == Token::Word(name)).map(|pair| pair[1].0)
    }

    /// Tells whether all that it writes has gone through one of these filters last.
    pub(crate) fn ends_in(&self, filters: &[&str]) -> bool {
        let mut depth = 0_usize;
        let (mut last, mut previous) = (None, Token::Mark('|'));
        for (index, (_, token)) in self.tokens.iter().enumerate() {
            match token {
                Token::Mark('(' | '[' | '{') => depth += 1,
                Token::Mark(')' | ']' | '}') => depth = depth.saturating_sub(1),
                _ if depth > 0 => {}
                Token::Mark('|') => last = self.tokens.get(index + 1).map(|(_, token)| *token),
                Token::Mark('.' | '?') => {}
                // With an operator, what is on its other side has not gone through the filter.
                Token::Mark(_) => return false,
                Token::Word(_) | Token::Text(_) => {
                    if !matches!(previous, Token::Mark(_)) {
                        return false;
                    }
                }
            }
            previous = *token;
        }
        filters.iter().any(|filter| last == Some(Token::Word(filter)))
    }

    /// Tells whether it is nothing but a call of this function.
    pub(crate) fn is_call(&self, function: &str) -> bool {
        let [(_, Token::Word(name)), (_, Token::Mark('(')), arguments @ .., (_, Token::Mark(')'))] =
            self.tokens.as_slice()
        else {
            return false;
        };
        *name == function && !arguments.iter().any(|(_, token)| *token == Token::Mark(')'))
    }

    /// Returns the texts that a function is given as one of its arguments, with their places.
    pub(crate) fn arguments(&self, function: &str, name: &str) -> Vec<(usize, &'a str)> {
        let mut found = Vec::new();
        for (index, pair) in self.tokens.windows(2).enumerate() {
            if pair[0].1 != Token::Word(function) || pair[1].1 != Token::Mark('(') {
                continue;
            }
            let arguments = &self.tokens[index + 2..];
            let end = arguments.iter().position(|(_, token)| *token == Token::Mark(')'));
            let arguments = &arguments[..end.unwrap_or(arguments.len())];
            for triple in arguments.windows(3) {
                if let [(_, Token::Word(word)), (_, Token::Mark('=')), (at, Token::Text(text))] =
                    triple
                    && *word == name
                {
                    found.push((*at, *text));
                }
            }
        }
        found
    }

    /// Returns the names of the components that it uses.
    pub(crate) fn components(&self) -> Vec<String> {
        let starts = self.tokens.iter().enumerate().filter(|(_, (_, t))| *t == Token::Mark('<'));
        starts.filter_map(|(index, _)| dotted(&self.tokens[index + 1..])).collect()
    }

    /// Returns the name of the component that it defines.
    pub(crate) fn component(&self) -> Option<String> {
        (self.keyword() == Some("component")).then(|| dotted(&self.tokens[1..])).flatten()
    }
}

/// Returns where the text ends that starts with its quote, after the quote at its end.
pub(crate) fn text_end(rest: &str) -> usize {
    let mut chars = rest.char_indices();
    let Some((_, quote)) = chars.next() else { return 0 };
    while let Some((index, c)) = chars.next() {
        if c == quote {
            return index + c.len_utf8();
        }
        if c == '\\' {
            chars.next();
        }
    }
    rest.len()
}

/// Reads `Card` or `forms.Button`.
fn dotted(tokens: &[(usize, Token<'_>)]) -> Option<String> {
    let mut name = String::new();
    for (_, token) in tokens {
        match token {
            Token::Word(word) if name.is_empty() || name.ends_with('.') => name.push_str(word),
            Token::Mark('.') if !name.is_empty() => name.push('.'),
            _ => break,
        }
    }
    (!name.is_empty()).then_some(name)
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_know_their_places() {
        let expression = Expression::of("{{- a.b|c(d='}}\\'') -}}", 10);
        let places: Vec<usize> = expression.tokens.iter().map(|(at, _)| *at).collect();
        assert_eq!(places, [14, 15, 16, 17, 18, 19, 20, 21, 22, 28]);
        assert_eq!(expression.tokens[8].1, Token::Text("}}\\'"));
    }

    #[test]
    fn the_last_filter_counts_if_all_went_through_it() {
        for (written, expected) in [
            ("{{ a | json }}", true),
            ("{{- a|json() -}}", true),
            ("{{ a.b[0].c | sort | json }}", true),
            ("{{ a?.b | json }}", true),
            ("{{ (a ~ b) | json }}", true),
            ("{{ (a if b else c) | json }}", true),
            ("{{ f(x=1) | default(value=\"a\") | json }}", true),
            ("{{ \"a\" | json }}", true),
            ("{{ a }}", false),
            ("{{ a | json | upper }}", false),
            ("{{ a ~ b | json }}", false),
            ("{{ a if b else c | json }}", false),
            ("{{ not a | json }}", false),
            ("{{ a | jsonish }}", false),
            ("{{ f(x=a | json) }}", false),
            ("{{ '| json' }}", false),
            ("{{<Card a={b | json} />}}", false),
            ("{{ }}", false),
        ] {
            assert_eq!(Expression::of(written, 0).ends_in(&["json"]), expected, "{written}");
        }
    }

    #[test]
    fn filters_and_calls_are_found() {
        let filter = |written| Expression::of(written, 0).filter("safe");
        assert_eq!(filter("{{ a|safe }}"), Some(5));
        assert_eq!(filter("{% set x = f(y = z | safe) %}"), Some(21));
        assert_eq!(filter("{% filter safe %}"), Some(10));
        assert_eq!(filter("{{ safe }}{{ a | safely }}"), None);
        assert_eq!(filter("{{ '| safe' }}"), None);

        let expression = Expression::of("{{ asset(path = \"a.css\") }}", 0);
        assert!(expression.is_call("asset") && !expression.is_call("path"));
        assert_eq!(expression.arguments("asset", "path"), [(16, "a.css")]);
        assert!(!Expression::of("{{ asset(path=a) ~ b }}", 0).is_call("asset"));
        assert!(!Expression::of("{{ asset(path=a) ~ f() }}", 0).is_call("asset"));
    }

    #[test]
    fn components_are_found() {
        let components = |written| Expression::of(written, 0).components();
        assert_eq!(components("{{<Card title=\"<b>\" />}}"), ["Card"]);
        assert_eq!(components("{% <ui.Button kind={a}> %}"), ["ui.Button"]);
        assert_eq!(components("{{ a < 1 }}"), ["1"]);
        let component = Expression::of("{% component ui.Button(kind: string) %}", 0).component();
        assert_eq!(component.as_deref(), Some("ui.Button"));
    }

    #[test]
    fn what_does_not_end_is_not_read_beyond_the_end() {
        for written in ["{{", "{{ \"", "{{ '\\", "{% a", "{{-", "{{-}}", "{{é'é"] {
            let _ = Expression::of(written, 0).ends_in(&[]);
        }
    }
}
