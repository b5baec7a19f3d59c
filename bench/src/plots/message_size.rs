//! Longer messages: what a delivery costs.

use std::io;
use std::time::Duration;

use super::axis::Scale;
use super::chart::Chart;
use super::sides;
use crate::plan::Depth;
use crate::serve::room::{Order, TEXT_BYTES_MAX};
use crate::serve::side::Side;
use crate::server::{Cores, Server};

const LISTENERS: usize = 100;

const TEXT_BYTES: [usize; 6] = [100, 400, 1_600, 6_400, 25_600, TEXT_BYTES_MAX];

const MESSAGES_PER_SECOND: usize = 500;

/// Long messages are fewer: the load has to read all of them.
const BYTES_PER_SECOND: usize = 200_000_000;

const SIDES: [Side; 3] = [Side::Kipo, Side::Axum, Side::Floor];

pub(super) async fn measure(
    cores: Cores,
    depth: Depth,
    machine: &str,
) -> io::Result<Vec<(&'static str, Chart)>> {
    let Depth { rounds, seconds, quick } = depth;
    let sizes = if quick { &[100, TEXT_BYTES_MAX][..] } else { &TEXT_BYTES };
    let window = Duration::from_secs(seconds);
    let lines = sides::lines("message size", &SIDES, sizes, rounds, async |side, bytes| {
        let per_second = MESSAGES_PER_SECOND.min(BYTES_PER_SECOND / LISTENERS / bytes);
        let order = Order {
            text_bytes: u32::try_from(bytes).map_err(io::Error::other)?,
            ..Order::one(u32::try_from(per_second).map_err(io::Error::other)?)
        };
        let server = Server::start(side, cores).await?;
        sides::cpu_us(server, order, LISTENERS, window).await
    });
    let chart = Chart {
        title: "A delivery, by the size of its message",
        x_label: "bytes of text in each message (logarithmic)",
        y_label: "server CPU per delivery, µs (logarithmic)",
        y_scale: Scale::Log,
        lines: lines.await,
        caption: [
            format!(
                "{LISTENERS} listeners, up to {MESSAGES_PER_SECOND} messages and {} MB a second; \
                 median of {rounds} × {seconds} s",
                BYTES_PER_SECOND / 1_000_000
            ),
            machine.to_owned(),
        ],
    };
    Ok(vec![("message-size", chart)])
}
