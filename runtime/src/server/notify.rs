//! Reports the state of the process to systemd, for a unit of `Type=notify` (`sd_notify(3)`).

use std::{env, ffi::OsStr, io, os::unix::net::UnixDatagram};

/// The environment variable that has the address of systemd's socket.
const SOCKET: &str = "NOTIFY_SOCKET";

/// Reports that the app serves.
pub(crate) fn ready() {
    report("READY=1");
}

/// Reports that the drain begins.
pub(crate) fn stopping() {
    report("STOPPING=1");
}

/// Reports a state, if systemd has started the process and asked for reports.
fn report(state: &str) {
    let Some(socket) = env::var_os(SOCKET) else { return };
    if let Err(error) = send(&socket, state) {
        tracing::warn!(%error, state, "systemd could not be notified");
    }
}

fn send(socket: &OsStr, state: &str) -> io::Result<()> {
    let sender = UnixDatagram::unbound()?;
    #[cfg(target_os = "linux")]
    {
        use std::os::{
            linux::net::SocketAddrExt as _,
            unix::{ffi::OsStrExt as _, net::SocketAddr},
        };
        // Such a socket has no file.
        if let Some(name) = socket.as_bytes().strip_prefix(b"@") {
            sender.send_to_addr(state.as_bytes(), &SocketAddr::from_abstract_name(name)?)?;
            return Ok(());
        }
    }
    sender.send_to(state.as_bytes(), socket)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn receives(systemd: &UnixDatagram, expected: &str) {
        let mut bytes = [0; 64];
        let length = systemd.recv(&mut bytes).unwrap();
        assert_eq!(&bytes[..length], expected.as_bytes());
    }

    #[test]
    fn systemd_gets_the_state_on_a_socket_with_a_file() {
        let path = env::temp_dir().join(format!("kipo-notify-{}", std::process::id()));
        let systemd = UnixDatagram::bind(&path).unwrap();
        send(path.as_os_str(), "READY=1").unwrap();
        receives(&systemd, "READY=1");
        std::fs::remove_file(&path).unwrap();
        assert!(send(path.as_os_str(), "READY=1").is_err());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn systemd_gets_the_state_on_a_socket_without_a_file() {
        use std::os::{linux::net::SocketAddrExt as _, unix::net::SocketAddr};

        let name = format!("kipo-notify-{}", std::process::id());
        let systemd =
            UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
        send(OsStr::new(&format!("@{name}")), "STOPPING=1").unwrap();
        receives(&systemd, "STOPPING=1");
    }
}
