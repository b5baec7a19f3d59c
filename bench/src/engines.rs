//! Two embedded stores under the same group commit: which one the durable log stands on.
//!
//! Publishers wait for their answer before they publish again. One thread takes whatever waits,
//! writes it as one batch, makes it safe and answers: what `kipo::topic` does, with the store as
//! the only difference. Old records are taken away as a log with retention does it.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode};
use redb::{ReadableDatabase as _, ReadableTable as _, TableDefinition};
use tempfile::TempDir;

use crate::plan::Depth;
use crate::table::{median, percentile, sorted};
use load::console::progress;
use load::machine;

/// How many records are kept.
const KEEP: u64 = 10_000;

/// A message of a chat, roughly.
const VALUE: [u8; 150] = [b'x'; 150];

/// How many records stand in the store that is opened again.
const OPENED: u64 = 100_000;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// A store that takes numbered records.
trait Store: Sized + Send {
    const NAME: &str;

    fn open(folder: &Path) -> Result<Self, Failure>;

    /// Writes records `from..to`, takes away those that are too old, and makes all of it safe.
    fn commit(&mut self, from: u64, to: u64, safe: Safe) -> Result<(), Failure>;

    /// Counts what is there.
    fn count(&self) -> Result<u64, Failure>;
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Safe {
    /// Written.
    Os,
    /// Synced.
    Fsync,
}

struct Fjall {
    database: Database,
    records: Keyspace,
}

impl Store for Fjall {
    const NAME: &str = "fjall 3.1";

    fn open(folder: &Path) -> Result<Self, Failure> {
        let database = Database::builder(folder).worker_threads(1).open()?;
        let records = database.keyspace("records", KeyspaceCreateOptions::default)?;
        Ok(Self { database, records })
    }

    fn commit(&mut self, from: u64, to: u64, safe: Safe) -> Result<(), Failure> {
        let mut batch = self.database.batch().durability(Some(PersistMode::Buffer));
        for n in from..to {
            batch.insert(&self.records, n.to_be_bytes(), VALUE);
            if let Some(old) = n.checked_sub(KEEP) {
                batch.remove(&self.records, old.to_be_bytes());
            }
        }
        batch.commit()?;
        if safe == Safe::Fsync {
            self.database.persist(PersistMode::SyncData)?;
        }
        Ok(())
    }

    fn count(&self) -> Result<u64, Failure> {
        Ok(self.records.len()? as u64)
    }
}

struct Redb(redb::Database);

const RECORDS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("records");

impl Store for Redb {
    const NAME: &str = "redb 4.6";

    fn open(folder: &Path) -> Result<Self, Failure> {
        fs::create_dir_all(folder)?;
        let database = redb::Database::create(folder.join("log.redb"))?;
        let write = database.begin_write()?;
        write.open_table(RECORDS)?;
        write.commit()?;
        Ok(Self(database))
    }

    fn commit(&mut self, from: u64, to: u64, _: Safe) -> Result<(), Failure> {
        let write = self.0.begin_write()?;
        {
            let mut records = write.open_table(RECORDS)?;
            for n in from..to {
                records.insert(n, VALUE.as_slice())?;
                if let Some(old) = n.checked_sub(KEEP) {
                    records.remove(old)?;
                }
            }
        }
        write.commit()?;
        Ok(())
    }

    fn count(&self) -> Result<u64, Failure> {
        let records = self.0.begin_read()?.open_table(RECORDS)?;
        let (first, last) = (records.first()?, records.last()?);
        Ok(first.zip(last).map_or(0, |(first, last)| last.0.value() - first.0.value() + 1))
    }
}

/// Measures and returns the table.
pub(crate) fn measure(Depth { rounds, seconds, .. }: Depth) -> io::Result<String> {
    let machine = machine::describe();
    let mut lines = Vec::new();
    for (safe, publishers) in
        [(Safe::Fsync, 1), (Safe::Fsync, 16), (Safe::Fsync, 256), (Safe::Os, 1), (Safe::Os, 256)]
    {
        let level = if safe == Safe::Os { "written" } else { "synced" };
        let row = format!("{level}, {publishers} at once");
        let [mut one, mut two] = [Vec::new(), Vec::new()];
        for round in 1..=rounds {
            progress(format!("{row}, round {round} of {rounds}"));
            one.push(run::<Fjall>(safe, publishers, seconds)?);
            if safe == Safe::Fsync {
                two.push(run::<Redb>(safe, publishers, seconds)?);
            }
        }
        lines.push(format!("| {row}: records per second | {} | {} |", rate(&one), rate(&two)));
        lines.push(format!("| – p50, p99 of an answer, µs | {} | {} |", times(&one), times(&two)));
    }
    progress(format!("opening {OPENED} records"));
    let (one, two) = (opening::<Fjall>()?, opening::<Redb>()?);
    lines.push(format!("| opening {OPENED} published, {KEEP} kept, ms | {} | {} |", one.0, two.0));
    lines.push(format!("| – size of the folder, MiB | {} | {} |", one.1, two.1));
    Ok(format!(
        "{rounds} × {seconds} s per row and store on {machine}.\n\n| median | {} | {} |\n|---|--:|--:|\n{}\n",
        Fjall::NAME,
        Redb::NAME,
        lines.join("\n")
    ))
}

/// Records per second, and the times from publishing to the answer in µs, sorted.
type Run = (f64, Vec<f64>);

fn rate(runs: &[Run]) -> String {
    if runs.is_empty() {
        return "no such level".to_owned();
    }
    format!("{:.0}", median(&sorted(runs.iter().map(|run| run.0))))
}

fn times(runs: &[Run]) -> String {
    if runs.is_empty() {
        return String::new();
    }
    let at = |part| median(&sorted(runs.iter().map(|run| percentile(&run.1, part))));
    format!("{:.0}, {:.0}", at(0.5), at(0.99))
}

fn run<S: Store + 'static>(safe: Safe, publishers: usize, seconds: u64) -> io::Result<Run> {
    let folder = TempDir::new()?;
    let mut store = S::open(folder.path()).map_err(io::Error::other)?;
    let (submit, submitted) = mpsc::channel::<mpsc::Sender<()>>();
    let start = Instant::now();
    let end = start + Duration::from_secs(seconds);
    let committing = std::thread::spawn(move || -> Result<u64, Failure> {
        let mut next = 0;
        while let Ok(first) = submitted.recv() {
            let batch: Vec<_> = std::iter::once(first).chain(submitted.try_iter()).collect();
            let to = next + batch.len() as u64;
            store.commit(next, to, safe)?;
            next = to;
            // A publisher that has stopped needs no answer.
            for reply in batch {
                let _ = reply.send(());
            }
        }
        Ok(next)
    });
    let publishing: Vec<_> = (0..publishers)
        .map(|_| {
            let submit = submit.clone();
            std::thread::spawn(move || {
                let (reply, answer) = mpsc::channel();
                let mut times = Vec::new();
                while Instant::now() < end {
                    let asked = Instant::now();
                    if submit.send(reply.clone()).is_err() || answer.recv().is_err() {
                        break;
                    }
                    times.push(asked.elapsed().as_secs_f64() * 1e6);
                }
                times
            })
        })
        .collect();
    drop(submit);
    let times = publishing.into_iter().filter_map(|publisher| publisher.join().ok()).flatten();
    let times = sorted(times);
    let panicked = |_| io::Error::other("the committing thread panicked");
    let count = committing.join().map_err(panicked)?.map_err(io::Error::other)?;
    Ok((count as f64 / start.elapsed().as_secs_f64(), times))
}

/// Returns the time to open a store that was written before, and the size of its folder.
fn opening<S: Store>() -> io::Result<(String, String)> {
    let folder = TempDir::new()?;
    let mut store = S::open(folder.path()).map_err(io::Error::other)?;
    for from in (0..OPENED).step_by(100) {
        store.commit(from, from + 100, Safe::Fsync).map_err(io::Error::other)?;
    }
    drop(store);
    let start = Instant::now();
    let store = S::open(folder.path()).map_err(io::Error::other)?;
    let opened = start.elapsed();
    let count = store.count().map_err(io::Error::other)?;
    if count != KEEP {
        return Err(io::Error::other(format!("{} holds {count} records", S::NAME)));
    }
    let mib = size(folder.path())? as f64 / f64::from(1 << 20);
    Ok((format!("{:.1}", opened.as_secs_f64() * 1e3), format!("{mib:.1}")))
}

/// Returns how much of the disk a folder takes, in bytes; what is only reserved does not count.
fn size(folder: &Path) -> io::Result<u64> {
    use std::os::unix::fs::MetadataExt as _;

    let mut bytes = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        let part = if metadata.is_dir() { size(&entry.path())? } else { metadata.blocks() * 512 };
        bytes += part;
    }
    Ok(bytes)
}
