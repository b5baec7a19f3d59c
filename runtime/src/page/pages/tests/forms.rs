//! Pages with forms, without the actions of an app: how they are rendered.

use super::*;

const FORM: &str =
    "<form p-action=\"chat.Send\"><input {{ field(\"chat.Send\", \"text\") }}></form>";

fn form_pages(dir: &TestDir) -> Pages {
    let settings = Settings { actions: Some(vec!["chat.Send".to_owned()]), ..Settings::test() };
    Pages::of(dir.files(), settings, &States::default(), Vec::new()).unwrap()
}

#[tokio::test]
async fn a_form_of_a_layout_is_on_every_page_and_on_error_pages() {
    let layout = format!("<title>t</title>{FORM}{{% block main %}}{{% endblock %}}");
    let dir = TestDir::new(&[
        ("pages/_layout.html", &layout),
        ("pages/index.html", &child("home")),
        ("pages/404.html", &child("nothing")),
    ]);
    let pages = form_pages(&dir);
    for (line, status, action) in [
        ("GET /", 200, "?kipo-form=chat.Send"),
        ("GET /?a=1&b=%22", 200, "?a=1&amp;b=%22&amp;kipo-form=chat.Send"),
        ("GET /nowhere?a=1", 404, "?a=1&amp;kipo-form=chat.Send"),
    ] {
        let page = ask(&pages, line, &[("accept", "text/html")]).await;
        assert_eq!(page.status, status, "{line}");
        assert!(
            page.body.contains(&format!("method=\"post\" action=\"{action}\"")),
            "{}",
            page.body
        );
        assert!(page.body.contains("<input name=\"text\" id=\"chat-Send-text\""), "{}", page.body);
    }
}

#[tokio::test]
async fn a_page_from_the_binary_has_the_query_of_its_request() {
    let files = Files::embedded(&[("pages/index.html", FORM.as_bytes())]);
    let settings = Settings { actions: Some(vec!["chat.Send".to_owned()]), ..Settings::test() };
    let pages = Pages::of(files, settings, &States::default(), Vec::new()).unwrap();
    for (line, action) in [
        ("GET /?a=1", "?a=1&amp;kipo-form=chat.Send"),
        ("GET /", "?kipo-form=chat.Send"),
        ("GET /?a=2", "?a=2&amp;kipo-form=chat.Send"),
        ("GET /", "?kipo-form=chat.Send"),
    ] {
        let page = ask(&pages, line, &[]).await;
        assert!(page.body.contains(&format!(" action=\"{action}\"")), "{line}: {}", page.body);
    }
}

#[tokio::test]
async fn a_component_writes_controls_with_a_key() {
    let dir = TestDir::new(&[
        (
            "pages/_field.html",
            "{% component Field(name: string, key: integer) %}\
             <input {{ field(\"chat.Send\", name, key=key) }}>{% endcomponent Field %}",
        ),
        (
            "pages/index.html",
            "<form p-action=\"chat.Send\" p-action-key=\"7\">{{<Field name=\"text\" key={7} />}}</form>",
        ),
    ]);
    let page = ask(&form_pages(&dir), "GET /", &[]).await;
    assert!(page.body.contains("kipo-key=7"), "{}", page.body);
    assert!(page.body.contains("id=\"chat-Send-7-text\""), "{}", page.body);
}

#[test]
fn a_diagnostic_behind_a_form_names_the_column_of_the_author() {
    let line = format!("{FORM}{{{{ missing }}}}");
    let dir = TestDir::new(&[
        ("pages/index.html", &line),
        ("pages/other.html", &format!("{FORM}{{{{ }}}}")),
        ("pages/third.html", &format!("{FORM}{{{{ field() }}}}")),
    ]);
    let settings = Settings { actions: Some(vec!["chat.Send".to_owned()]), ..Settings::test() };
    let errors = Pages::of(dir.files(), settings.clone(), &States::default(), Vec::new());
    let errors: Vec<_> = errors.expect_err("all wrong").iter().map(ToString::to_string).collect();
    let column = FORM.chars().count() + 4;
    assert!(
        errors.iter().any(|error| error.starts_with(&format!("pages/other.html:1:{column}: "))),
        "{errors:#?}"
    );
    assert!(errors[0].contains(&format!("1 | {FORM}{{{{ }}}}")), "{errors:#?}");

    let dir = TestDir::new(&[("pages/index.html", &line)]);
    let errors = Pages::of(dir.files(), settings, &States::default(), Vec::new());
    let errors: Vec<_> = errors.expect_err("undefined").iter().map(ToString::to_string).collect();
    assert!(
        errors[0].starts_with(&format!("pages/index.html:1:{column}: variable `missing`")),
        "{errors:#?}"
    );
}

#[tokio::test]
async fn the_variable_of_a_form_is_there_before_it_is_posted() {
    let dir = TestDir::new(&[(
        "pages/index.html",
        &format!(
            "{FORM}{{% if form.chat.Send.error %}}error{{% endif %}}\
             {{% if form[\"chat.Send\"].errors %}}errors{{% endif %}}|{{{{ form.chat.Send.key | default(value=\"none\") }}}}|"
        ),
    )]);
    let page = ask(&form_pages(&dir), "GET /", &[]).await;
    assert!(page.body.contains("</form>||"), "{}", page.body);
}
