//! `progress.Run`

use std::time::Duration;

use kipo::{Context, Event, EventStream, Result, StreamAction, action, data};

/// How long one step takes.
const STEP: Duration = Duration::from_millis(200);

/// What the steps do, from the first to the last.
const LABELS: [&str; 5] =
    ["Read the list", "Fetched the parts", "Put them together", "Checked the result", "Cleaned up"];

/// Works through some steps and reports its progress.
#[action]
pub struct Run {
    /// How many steps: 1 to 100.
    #[validate(range(min = 1, max = 100))]
    steps: u32,
}

/// An event of a run.
#[derive(Event)]
pub enum RunEvent {
    /// A step is complete.
    Progress(Progress),
}

/// The progress of a run.
#[data]
pub struct Progress {
    /// The number of the complete step, from 1.
    pub step: u32,
    /// The number of all steps.
    pub total: u32,
    /// The complete part of the run, from 0 to 100.
    pub percent: u32,
    /// What the step did.
    pub label: String,
}

/// The result of a run.
#[data]
pub struct Finished {
    /// The number of complete steps.
    pub steps: u32,
    /// A sentence for the person who waits.
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
