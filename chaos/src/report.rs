//! What a run prints at its end.

use std::{collections::BTreeMap, path::PathBuf};

use load::console::print;

use crate::{
    actor::{Listener, Scene},
    record::{Acknowledged, Expected, Findings, Kind, Reason, Rules, verify},
};

/// More violations than this show nothing new.
const SHOWN_MAX: usize = 20;

/// Checks what the listeners read.
pub(crate) fn check(
    listeners: Vec<Listener>,
    scene: &Scene,
    acknowledged: &[Acknowledged],
    rules: Rules<'_>,
    last: load::Cursor,
) -> Findings {
    let messages = scene.messages.all();
    let records: Vec<_> = listeners.into_iter().map(Listener::into_record).collect();
    verify(&records, &Expected { messages: &messages, acknowledged, rules, last })
}

/// Prints what was found, and returns whether the promise held.
pub(crate) fn conclude(findings: &Findings) -> bool {
    let Findings { violations, deliveries, gaps } = findings;
    print(format!("  deliveries checked   {deliveries}"));
    print(format!("  gaps reported        {}", by_reason(gaps)));
    print(format!("  losses               {}", findings.count(Kind::Loss)));
    print(format!("  repeats              {}", findings.count(Kind::Repeat)));
    let other = findings.count(Kind::Gap) + findings.count(Kind::Wrong);
    print(format!("  other breaches       {other}"));
    for violation in violations.iter().take(SHOWN_MAX) {
        print(format!("VIOLATION {violation}"));
    }
    if violations.len() > SHOWN_MAX {
        print(format!("… and {} more", violations.len() - SHOWN_MAX));
    }
    violations.is_empty()
}

fn by_reason(gaps: &BTreeMap<Reason, usize>) -> String {
    let words: Vec<_> = gaps.iter().map(|(reason, count)| format!("{count} {reason:?}")).collect();
    if words.is_empty() { "0".to_owned() } else { words.join(", ") }
}

/// Keeps the folder of a run that failed, and prints where it is.
pub(crate) fn keep(home: tempfile::TempDir) -> PathBuf {
    let path = home.keep();
    print(format!("the data and the logs are in {}", path.display()));
    path
}
