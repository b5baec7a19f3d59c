//! `rooms.List`

use kipo::{Action, Context, Result, action, data};

use super::hub::ROOMS;

/// How many rooms a page of the list has.
const PAGE_MAX: usize = 100;

/// Returns a page of at most 100 rooms, in the order of the bytes of their names.
#[action]
pub struct List {
    /// Only rooms whose name begins with this text.
    pub begins: Option<String>,
    /// The last room of the page before.
    pub after: Option<String>,
}

/// A page of rooms.
#[data]
pub struct Listed {
    /// The names of the rooms.
    pub rooms: Vec<String>,
    /// Whether there are more rooms after these.
    pub has_more: bool,
}

impl Action for List {
    type Output = Listed;

    async fn call(self, _cx: Context) -> Result<Listed> {
        list(&self.begins.unwrap_or_default(), self.after.as_ref()).await
    }
}

/// Returns the rooms whose name begins with `begins` and that follow `after`.
pub(crate) async fn list(begins: &str, after: Option<&String>) -> Result<Listed> {
    let mut rooms = ROOMS.list(begins, after, PAGE_MAX + 1).await?;
    let has_more = rooms.len() > PAGE_MAX;
    rooms.truncate(PAGE_MAX);
    Ok(Listed { rooms, has_more })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actions::rooms::hub::{Opened, RoomEvent};

    #[tokio::test]
    async fn the_pages_of_the_list_have_each_room_once() {
        kipo::testing::open_topics();
        for n in 0..250 {
            let opened = RoomEvent::Opened(Opened { opened_at: 0 });
            ROOMS.of(&format!("page {n:03}")).publish(&opened).await.unwrap();
        }
        let (mut after, mut sizes, mut names) = (None, Vec::new(), Vec::new());
        loop {
            let Listed { rooms, has_more } = list("page ", after.as_ref()).await.unwrap();
            sizes.push(rooms.len());
            after = rooms.last().cloned();
            names.extend(rooms);
            if !has_more {
                break;
            }
        }
        assert_eq!(sizes, [100, 100, 50]);
        let expected: Vec<_> = (0..250).map(|n| format!("page {n:03}")).collect();
        assert_eq!(names, expected);
    }
}
