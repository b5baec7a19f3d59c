//! What a run says at its end.

use std::{collections::BTreeMap, path::PathBuf};

use load::console::print;

use crate::{
    actor::{Listener, Scene},
    record::{Acknowledged, Expected, Findings, Kind, Reason, verify},
};

/// More violations than this say nothing new.
const TOLD_MAX: usize = 20;

/// Checks what the listeners saw.
pub(crate) fn check(
    listeners: Vec<Listener>,
    scene: &Scene,
    acknowledged: &[Acknowledged],
    reasons: &[Reason],
    last: load::Cursor,
) -> Findings {
    let messages = scene.messages.all();
    let records: Vec<_> = listeners.into_iter().map(Listener::into_record).collect();
    verify(&records, &Expected { messages: &messages, acknowledged, reasons, last })
}

/// Says what was found, and returns whether the promise held.
pub(crate) fn conclude(findings: &Findings) -> bool {
    let Findings { violations, deliveries, gaps } = findings;
    print(format!("  deliveries checked   {deliveries}"));
    print(format!("  gaps told            {}", told(gaps)));
    print(format!("  losses               {}", findings.count(Kind::Loss)));
    print(format!("  repeats              {}", findings.count(Kind::Repeat)));
    let other = findings.count(Kind::Gap) + findings.count(Kind::Wrong);
    print(format!("  other breaches       {other}"));
    for violation in violations.iter().take(TOLD_MAX) {
        print(format!("VIOLATION {violation}"));
    }
    if violations.len() > TOLD_MAX {
        print(format!("… and {} more", violations.len() - TOLD_MAX));
    }
    violations.is_empty()
}

fn told(gaps: &BTreeMap<Reason, usize>) -> String {
    let words: Vec<_> = gaps.iter().map(|(reason, count)| format!("{count} {reason:?}")).collect();
    if words.is_empty() { "0".to_owned() } else { words.join(", ") }
}

/// Keeps the folder of a run that failed, and says where it is.
pub(crate) fn keep(home: tempfile::TempDir) -> PathBuf {
    let path = home.keep();
    print(format!("the data and the log of the server are in {}", path.display()));
    path
}
