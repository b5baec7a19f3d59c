//! Which primary of a cluster has which slots.

use redis::{Value, aio::MultiplexedConnection, cmd};

use crate::{address::Address, connection::refusal, error::ConnectError, names::SLOTS, reply};

/// Returns the primaries of a cluster, and the last slot of each range with its primary.
pub(crate) async fn primaries(
    address: &Address,
    host: &str,
    connection: &MultiplexedConnection,
) -> Result<(Vec<(String, u16)>, Vec<(u16, usize)>), ConnectError> {
    let server = &address.name;
    let answer: Value = cmd("CLUSTER")
        .arg("SLOTS")
        .query_async(&mut connection.clone())
        .await
        .map_err(|error| refusal(address, server, &error))?;
    let incomplete = || {
        ConnectError::new(format!(
            "{server} is a cluster without a primary for each slot: wait for it, or repair it \
             (`redis-cli --cluster fix`)"
        ))
    };
    let Value::Array(answer) = answer else { return Err(incomplete()) };
    let mut ranges: Vec<_> = answer
        .into_iter()
        .map(|range| slots(range, host))
        .collect::<Option<_>>()
        .ok_or_else(incomplete)?;
    ranges.sort_unstable();
    let (mut primaries, mut lasts, mut next) = (Vec::new(), Vec::new(), 0);
    for (first, last, primary) in ranges {
        if first != next {
            return Err(incomplete());
        }
        next = last + 1;
        let index = primaries.iter().position(|known| *known == primary).unwrap_or_else(|| {
            primaries.push(primary);
            primaries.len() - 1
        });
        lasts.push((last, index));
    }
    if next == SLOTS { Ok((primaries, lasts)) } else { Err(incomplete()) }
}

/// Reads one range of slots. A primary without a host is the server that was asked.
fn slots(range: Value, asked: &str) -> Option<(u16, u16, (String, u16))> {
    let Value::Array(range) = range else { return None };
    let mut range = range.into_iter();
    let mut number = || match range.next() {
        Some(Value::Int(number)) => u16::try_from(number).ok(),
        _ => None,
    };
    let (first, last) = (number()?, number()?);
    let Some(Value::Array(primary)) = range.next() else { return None };
    let mut primary = primary.into_iter();
    let host = primary.next().and_then(reply::text).filter(|host| !host.is_empty());
    let Some(Value::Int(port)) = primary.next() else { return None };
    let host = host.unwrap_or_else(|| asked.to_owned());
    (first <= last && last < SLOTS).then_some((first, last, (host, u16::try_from(port).ok()?)))
}
