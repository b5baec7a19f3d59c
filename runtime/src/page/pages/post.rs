//! A form that was posted to its page.

use std::{mem, sync::Arc};

use axum::{extract::Request, response::Response};
use http::{HeaderMap, header};

use crate::{
    action::Context,
    error::{Code, Error, Redirect, catch_panic},
    page::{
        answer::{Keep, elsewhere, with_head},
        data::{PageContext, not_found},
        form::{Forms, Outcome, Posted, State},
        pages::Pages,
        route::Target,
        template::{Failure, Head, Set},
    },
    request::within,
};

impl Pages {
    /// Answers a POST: runs the action of a form, and sends the visitor on or shows the page again with
    /// what was typed and what is wrong.
    pub(crate) async fn post(&self, forms: &Forms, request: Request) -> Response {
        let set = self.serving.load_full();
        let (mut posted, cx) = forms.receive(request);
        let head = &*self.head(&cx);
        let mut added = HeaderMap::new();
        let answer = self.posted(&set, head, &cx, forms, &mut posted, &mut added).await;
        let mut response = self.finish(&cx, &set, head, answer);
        for name in added.keys() {
            let values = added.get_all(name).iter().cloned();
            values.for_each(|value| _ = response.headers_mut().append(name, value));
        }
        response
    }

    /// Answers a posted form. `added` gets the fields that the action added to its response.
    async fn posted(
        &self,
        set: &Set,
        head: &Head,
        cx: &Context,
        forms: &Forms,
        posted: &mut Posted,
        added: &mut HeaderMap,
    ) -> Result<Response, Failure> {
        let path = cx.uri().path();
        let target = Target::of(path).ok_or_else(not_found)?;
        let get_only = || Error::method_not_allowed("GET, HEAD");
        if target.file_name().is_some_and(|name| self.files.find(&name).is_some()) {
            return Err(get_only().into());
        }
        let (page, params) = set.find(&target.segments).ok_or_else(not_found)?;
        let page_forms =
            page.forms.as_ref().filter(|forms| forms.has_any()).ok_or_else(get_only)?;
        let is_of_page = posted.address.action.as_ref().is_some_and(|name| page_forms.has(name));
        if !is_of_page {
            return Err(Error::not_found("the page has no form of this action").into());
        }
        forms.admit(cx)?;
        // Who may not see the page may not post its forms either.
        let page_cx = PageContext::new(cx.clone(), params.clone());
        let admitted = self.settings.guards.admit(&page.file, page.data, &page_cx);
        within(self.settings.timeout, catch_panic(admitted))
            .await
            .unwrap_or_else(|_| Err(Error::new(Code::Timeout, "this took longer than it may")))
            .map_err(|error| Failure::of_data(page, error))?;
        let answered = forms.run(posted, cx).await?;
        *added = answered.headers;
        let failed = match answered.outcome {
            Outcome::Failed(failed) => failed,
            Outcome::Done(redirect) => {
                let to_page = || {
                    Redirect::to_path(http::StatusCode::SEE_OTHER, &posted.address.below(path))
                        .ok_or_else(not_found)
                };
                let redirect = redirect.map_or_else(to_page, Ok)?;
                let mut response = elsewhere(&redirect);
                response.headers_mut().insert(header::CACHE_CONTROL, Keep::Never.header());
                return Ok(response);
            }
        };
        let status = failed.status;
        let address = mem::take(&mut posted.address);
        let state = Arc::new(State { address, failed: Some(*failed) });
        // The page sees the cookies that the action set, as it does in the next request.
        let cx = forms.page(posted, added);
        let (html, _) = self.html(set, head, &cx, page, params, Some(&state)).await?;
        let response = with_head(head, status, html, Keep::Never);
        cx.take_headers(added);
        Ok(response)
    }
}
