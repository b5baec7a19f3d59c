//! Pages made of parts: layouts, includes, and components with arguments.

use super::*;

const CARD: &str = "{% component card(title: string, likes: integer = 0, tag = \"article\") %}\
                    <{{ tag }}><h2>{{ title }}</h2>{% if likes > 0 %}<b>{{ likes }}</b>{% endif %}\
                    {{ body | default(value=\"\") }}</{{ tag }}>{% endcomponent card %}";

fn site(page: &str) -> TestDir {
    TestDir::new(&[
        (
            "pages/_layout.html",
            "<html><head><title>{% block title %}Site{% endblock %}</title></head><body>\
             {% include \"_parts/nav.html\" %}{% block main %}{% endblock %}</body></html>",
        ),
        (
            "pages/_blog.html",
            "{% extends \"_layout.html\" %}{% block title %}{{ super() }}: blog{% endblock %}",
        ),
        ("pages/_parts/nav.html", "<nav>{{ path }}</nav>"),
        ("pages/_parts/card.html", CARD),
        ("pages/index.html", page),
    ])
}

#[tokio::test]
async fn a_page_is_made_of_layouts_parts_and_components() {
    let dir = site(
        "{% extends \"_blog.html\" %}{% block main %}\
         {{<card title=\"<One>\" likes={path | length} />}}\
         {% <card title=\"Two\" tag=\"li\"> %}<p>{{ path }}</p>{% </card> %}\
         {% endblock %}",
    );
    let page = ask(&pages(&dir), "GET /", &[]).await.body;
    assert!(page.contains("<title>Site: blog</title>"), "{page}");
    assert!(
        page.ends_with(
            "<body><nav>/</nav><article><h2>&lt;One&gt;</h2><b>1</b></article>\
             <li><h2>Two</h2><p>/</p></li></body></html>"
        ),
        "{page}"
    );
}

#[test]
fn an_argument_that_is_wrong_is_told_at_start() {
    for (call, message) in [
        ("{{<card />}}", "title"),
        ("{{<card title=\"x\" size={1} />}}", "size"),
        ("{{<cart title=\"x\" />}}", "cart"),
    ] {
        let dir = site(&format!("\n{call}"));
        let wrong = Pages::of(dir.files(), Settings::test(), &States::default(), Vec::new());
        let errors = wrong.expect_err(call);
        assert_eq!(errors.len(), 1, "{errors:?}");
        let text = errors[0].to_string();
        assert!(
            text.starts_with("pages/index.html:2:") && text.contains(message),
            "{call}: {text}"
        );
    }
}
