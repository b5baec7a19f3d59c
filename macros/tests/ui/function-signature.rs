use kipo::{Context, EventStream, PageContext, Result, State, action};

#[action]
fn not_async(_cx: Context) -> Result<()> {
    Ok(())
}

#[action]
async fn generic<T>(_value: T) -> Result<()> {
    Ok(())
}

#[action]
async fn pattern((a, b): (u8, u8), _: u8) -> Result<u8> {
    Ok(a + b)
}

#[action]
async fn nameless(text: impl Into<String>) -> Result<Vec<impl Copy>> {
    let _ = text.into();
    Ok(vec![1])
}

#[action]
async fn borrowed(cx: &Context, db: &State<u8>, text: &str, list: &[u8]) -> Result<()> {
    let _ = (cx, db, text, list);
    Ok(())
}

#[action]
async fn silent(_cx: Context) {}

#[action]
async fn strange(_page: PageContext, #[validate(length(min = 1))] _cx: Context) -> Result<()> {
    Ok(())
}

#[action]
async fn streams(_a: EventStream<u8>, _b: EventStream<u8>) -> Result<()> {
    Ok(())
}

struct Group;

impl Group {
    #[action]
    async fn method(&self) -> Result<()> {
        Ok(())
    }
}

fn main() {}
