//! `progress.Run`

use std::time::Duration;

use kipo::{Context, Event, EventStream, Result, StreamAction, action, data};

/// The time that one step takes.
const STEP: Duration = Duration::from_millis(200);

/// What is done on the way, from the first step to the last.
const LABELS: [&str; 5] =
    ["Read the list", "Fetched the parts", "Put them together", "Checked the result", "Cleaned up"];

/// Works through some steps and tells how far it is.
#[action]
pub struct Run {
    /// How many steps: 1 to 100.
    #[validate(range(min = 1, max = 100))]
    steps: u32,
}

/// What happens on the way.
#[derive(Event)]
pub enum RunEvent {
    /// A step is done.
    Progress(Progress),
}

/// How far the work is.
#[data]
pub struct Progress {
    /// The step that is done, from 1.
    pub step: u32,
    /// How many steps there are.
    pub total: u32,
    /// How much is done, from 0 to 100.
    pub percent: u32,
    /// What was done.
    pub label: String,
}

/// What came of it.
#[data]
pub struct Finished {
    /// How many steps were done.
    pub steps: u32,
    /// A word for the person who waited.
    pub message: String,
}

impl StreamAction for Run {
    type Event = RunEvent;
    type Output = Finished;

    async fn stream(self, _cx: Context, out: EventStream<RunEvent>) -> Result<Finished> {
        let total = self.steps;
        for step in 1..=total {
            kipo::time::sleep(STEP).await;
            let percent = step * 100 / total;
            let label = LABELS[percent as usize * (LABELS.len() - 1) / 100].to_owned();
            let progress = Progress { step, total, percent, label };
            out.send(RunEvent::Progress(progress)).await?;
        }
        Ok(Finished { steps: total, message: "All done.".to_owned() })
    }
}
