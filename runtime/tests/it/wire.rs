//! The server writes the recorded streams of `tests/wire`.

use kipo::topic::frame;

/// The browser client reads the same files in its own tests.
#[test]
fn the_recorded_streams_are_written_byte_for_byte() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/wire");
    for name in ["room", "filtered", "gap", "progress", "empty", "failure", "drain"] {
        let recorded = std::fs::read_to_string(folder.join(format!("{name}.sse"))).unwrap();
        let mut written = Vec::new();
        for block in recorded.split_inclusive("\n\n") {
            let field = |name| {
                let mut lines = block.lines();
                lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
            };
            if let Some(delay) = field("retry") {
                written.extend(frame::retry(delay.parse().unwrap()));
            } else if let Some(name) = field("event") {
                let data = field("data").unwrap().as_bytes();
                match field("id") {
                    Some(id) => {
                        written.extend(frame::event(name, data, Some(format_args!("{id}"))));
                    }
                    None => written.extend(frame::event(name, data, None)),
                }
            } else if let Some(id) = field("id") {
                written.extend(frame::position(format_args!("{id}")));
            } else {
                written.extend(frame::PING);
            }
        }
        assert_eq!(String::from_utf8(written).unwrap(), recorded, "{name}");
    }
}
