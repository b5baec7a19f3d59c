//! Errors with a type of their own: status, code and data, in calls and in streams.

use kipo::{
    Action, ActionError, Context, Error, Event, EventStream, Exact, Result, State, StreamAction,
    action, data, testing,
};
use serde_json::json;

use crate::{
    actions::Room,
    support::{TestApp, get, post},
    testing::app as app_in_process,
};

#[data]
#[derive(Debug)]
struct Limit {
    per_day: u32,
}

/// What stops a transfer.
#[derive(Debug, ActionError)]
enum TransferError {
    /// The account has less than that.
    #[error(status = 409, message = "{missing} more is needed, in {{cents}}")]
    InsufficientFunds {
        missing: u32,
        exact: Exact<u64>,
    },
    #[error(status = 403, code = "account.frozen")]
    AccountFrozen,
    #[error(status = 429)]
    TooOften(Limit),
    UnknownCurrency,
    #[error(status = 503, message = "the bank {bank} does not answer")]
    Bank {
        bank: String,
        #[source]
        cause: std::io::Error,
    },
    #[error(transparent)]
    Other(#[from] Error),
}

/// Moves money, as a struct.
#[action(name = "bank.Transfer")]
struct Transfer {
    how: String,
}

impl Action<TransferError> for Transfer {
    type Output = u32;

    async fn call(self, _cx: Context) -> Result<u32, TransferError> {
        outcome(&self.how)
    }
}

/// Moves money, as a function.
#[action(name = "bank.Send")]
async fn send_money(how: String, _room: State<Room>) -> Result<u32, TransferError> {
    outcome(&how)
}

fn outcome(how: &str) -> Result<u32, TransferError> {
    match how {
        "funds" => Err(TransferError::InsufficientFunds { missing: 5, exact: Exact(u64::MAX) }),
        "frozen" => Err(TransferError::AccountFrozen),
        "often" => Err(TransferError::TooOften(Limit { per_day: 3 })),
        "currency" => Err(TransferError::UnknownCurrency),
        "bank" => Err(TransferError::Bank {
            bank: "of Kipo".to_owned(),
            cause: std::io::Error::other("hunter2"),
        }),
        "io" => {
            Err(std::io::Error::other("hunter2"))?;
            Ok(0)
        }
        "kipo" => {
            Err(Error::conflict("twice").with_word("twice"))?;
            Ok(0)
        }
        _ => Ok(7),
    }
}

#[derive(Debug, PartialEq, Event)]
enum Step {
    Began,
}

/// Moves money and shows how.
#[action(name = "bank.Watch")]
struct Watch {
    how: String,
}

impl StreamAction<TransferError> for Watch {
    type Event = Step;
    type Output = u32;

    async fn stream(self, _cx: Context, out: EventStream<Step>) -> Result<u32, TransferError> {
        out.send(Step::Began).await?;
        outcome(&self.how)
    }
}

#[tokio::test]
async fn a_typed_error_has_its_status_its_code_and_its_data() {
    let app = TestApp::start().await;
    for name in ["bank.Transfer", "bank.Send"] {
        let call = async |how| app.call(name, &json!({ "how": how }).to_string()).await;
        assert_eq!(call("").await.body, "7");

        let problem = call("funds").await.problem(409, "insufficient_funds");
        assert_eq!(problem["detail"], "5 more is needed, in {cents}");
        assert_eq!(problem["data"], json!({ "missing": 5, "exact": u64::MAX.to_string() }));
        assert_eq!(problem["title"], "Conflict");

        let problem = call("frozen").await.problem(403, "account.frozen");
        assert_eq!((&problem["detail"], problem.get("data")), (&json!("account frozen"), None));

        let problem = call("often").await.problem(429, "too_often");
        assert_eq!(problem["data"], json!({ "per_day": 3 }));

        // 422 is about the fields of the input, so an error without a status is a 400.
        call("currency").await.problem(400, "unknown_currency");
    }
}

#[tokio::test]
async fn the_caller_of_a_typed_error_reads_no_cause() {
    let app = TestApp::start().await;
    for (how, status, code) in [("bank", 503, "bank"), ("io", 500, "internal")] {
        let answer = app.call("bank.Transfer", &json!({ "how": how }).to_string()).await;
        answer.problem(status, code);
        assert!(!answer.body.contains("hunter2"), "{answer:?}");
    }
    let answer = app.call("bank.Transfer", r#"{"how":"bank"}"#).await;
    assert_eq!(answer.json()["data"], json!({ "bank": "of Kipo" }));
}

#[tokio::test]
async fn a_transparent_error_passes_on_what_is_in_it() {
    let app = TestApp::start().await;
    app.call("bank.Transfer", r#"{"how":"kipo"}"#).await.problem(409, "twice");
    app.call("bank.Transfer", "{}").await.problem(422, "validation_failed");
}

#[tokio::test]
async fn a_stream_ends_with_its_typed_error() {
    let app = TestApp::start().await;
    let mut client = app.connect().await;
    client.write(get("/_kipo/actions/bank.Watch?how=funds", "accept: text/event-stream\r\n")).await;
    client.head().await;
    let text = client.stream_to_end().await;
    let (_, end) = text.split_once("event: error\ndata: ").unwrap();
    let problem: serde_json::Value = serde_json::from_str(end.trim_end()).unwrap();
    assert_eq!((&problem["status"], &problem["code"]), (&json!(409), &json!("insufficient_funds")));
    assert_eq!(problem["data"]["missing"], 5);

    // For a client that does not accept a stream.
    let call = post("bank.Watch", "accept: application/json\r\n", r#"{"how":""}"#);
    app.send(call).await.problem(406, "not_acceptable");
}

#[tokio::test]
async fn a_missing_state_is_an_error_of_a_function_with_typed_errors_too() {
    let call = SendMoney { how: String::new() }.call(Context::test());
    let TransferError::Other(error) = call.await.unwrap_err() else { unreachable!() };
    assert_eq!(error.status(), 500);
}

#[data]
#[derive(Debug, PartialEq)]
struct Funds {
    missing: u32,
    exact: Exact<u64>,
}

#[tokio::test]
async fn a_test_in_its_process_reads_typed_errors_by_the_type_of_the_action_alone() {
    let app = testing::App::start(app_in_process()).await;
    let expected = Funds { missing: 5, exact: Exact(u64::MAX) };
    for error in [
        app.call::<Transfer>(json!({ "how": "funds" })).await.error(),
        app.call::<SendMoney>(json!({ "how": "funds" })).await.error(),
        app.stream::<Watch>(json!({ "how": "funds" })).await.error().await,
    ] {
        assert_eq!((error.status, error.code.as_str()), (409, "insufficient_funds"));
        assert_eq!(error.data::<Funds>(), expected);
    }
    assert_eq!(app.call::<Transfer>(json!({ "how": "" })).await.output(), 7);
    let mut watch = app.stream::<Watch>(json!({ "how": "" })).await;
    assert_eq!(watch.next().await, Some(Step::Began));
    assert_eq!(watch.output().await, 7);

    let frozen = app.call::<Transfer>(json!({ "how": "frozen" })).await.error();
    let failure = std::panic::catch_unwind(|| frozen.data::<Funds>()).unwrap_err();
    let failure = failure.downcast::<String>().unwrap();
    assert!(failure.starts_with("the error has no data: Problem { status: 403"), "{failure}");
}
