//! How the cost grows: with listeners, topics, the size of messages, and worker threads. Each plot
//! is an SVG. Start reading at [`measure`].

mod axis;
mod chart;
mod listeners;
mod message_size;
mod sides;
mod topics;
mod workers;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use load::console::progress;
use load::machine;

use self::chart::Chart;
use crate::plan::{Depth, Growth};
use crate::server::Cores;
use crate::server::open_files;

pub(crate) use self::topics::grow;

/// Measures what grows, writes a file for each plot, and returns the values as tables.
///
/// A plot is written once it is measured: a run that ends early leaves those before it.
pub(crate) fn measure(growths: &[Growth], depth: Depth) -> io::Result<String> {
    // Before any thread exists, so that every thread inherits both.
    let cores = Cores::claim();
    open_files::raise();
    let folder = folder(depth);
    fs::create_dir_all(&folder)?;
    let caption = machine::describe();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut text = String::new();
    for growth in growths {
        let charts = runtime.block_on(async {
            match growth {
                Growth::Listeners => listeners::measure(cores, depth, &caption).await,
                Growth::Topics => topics::measure(depth, &caption).await,
                Growth::Size => message_size::measure(cores, depth, &caption).await,
                Growth::Workers => workers::measure(cores, depth, &caption).await,
            }
        });
        for (name, chart) in charts? {
            text.push_str(&write(&folder, name, &chart)?);
        }
    }
    Ok(text)
}

/// Returns where the files go. What a smoke run measures does not replace what is shown.
fn folder(depth: Depth) -> PathBuf {
    match depth.quick {
        true => machine::target().join("plots"),
        false => Path::new(env!("CARGO_MANIFEST_DIR")).join("plots"),
    }
}

fn write(folder: &Path, name: &str, chart: &Chart) -> io::Result<String> {
    let path = folder.join(name).with_extension("svg");
    fs::write(&path, chart.to_svg())?;
    progress(format!("written: {}", path.display()));
    Ok(chart.to_markdown())
}
