//! From the settings of an app to what serves: all checks at start, and the parts put together. Start
//! reading at `built`.

mod built;
mod checks;

pub(crate) use self::built::Built;
