//! nginx: how it starts, and as a server that takes files. It writes the body of a request to a file by itself,
//! and then asks an application for the response.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{self, Path};
use std::process::Stdio;
use std::time::Duration;

use load::machine;
use tempfile::TempDir;

use super::cores::Cores;
use super::process;

const NGINX: &str = "/usr/sbin/nginx";

/// nginx starts well within this on a busy machine.
const START: Duration = Duration::from_secs(10);

/// Starts nginx with one process, on a free port. `main` and `connections` are for the process, and `http`
/// returns what belongs into the block of that name, for an address and the folder of its files. Returns the
/// process with that folder.
pub(super) async fn run(
    cores: Cores,
    main: &str,
    connections: u32,
    http: impl FnOnce(SocketAddr, path::Display<'_>) -> String,
) -> io::Result<(load::Server, TempDir)> {
    let folder = TempDir::new()?;
    // nginx does not report a port that it chose itself.
    let address = machine::stable_address()?;
    let at = folder.path().display();
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|name| format!("{name}_temp_path {at}/{name}; "))
        .concat();
    let http = http(address, folder.path().display());
    let config = format!(
        "{main}daemon off; master_process off; pid {at}/pid;\n\
         events {{ worker_connections {connections}; }}\n\
         http {{ access_log off; {temporary}\n{http} }}\n"
    );
    let path = folder.path().join("nginx.conf");
    fs::write(&path, config)?;
    let mut command = cores.command_for_server(Path::new(NGINX));
    command.arg("-e").arg(folder.path().join("error.log")).arg("-c").arg(path);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    Ok((load::Server::start_at(address, command, START).await?, folder))
}

/// A running nginx; dropping it ends the process.
#[derive(Debug)]
pub(crate) struct Nginx {
    process: load::Server,
    /// Its configuration, and the files that it takes.
    _folder: TempDir,
}

impl Nginx {
    /// Returns whether nginx is on this machine.
    pub(crate) fn is_there() -> bool {
        Path::new(NGINX).exists()
    }

    /// Starts it. `POST /upload` responds with the length of the body. The application is a second server of the
    /// same process, which gets the request without its body.
    pub(crate) async fn start(cores: Cores) -> io::Result<Self> {
        // `clean` writes each body to a file, as `on` does, and removes the file after the response, as the
        // other servers do.
        let http = |address, at: path::Display<'_>| {
            format!(
                "client_max_body_size 0; client_body_in_file_only clean; client_body_buffer_size 256k;\n\
                 server {{ listen {address}; location = /upload {{\n\
                 proxy_pass http://unix:{at}/application:; proxy_pass_request_body off;\n\
                 proxy_set_header Content-Length \"\"; proxy_set_header X-Length $content_length; }} }}\n\
                 server {{ listen unix:{at}/application; return 200 $http_x_length; }}"
            )
        };
        let (process, folder) = run(cores, "", 64, http).await?;
        Ok(Self { process, _folder: folder })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.process.address()
    }

    pub(crate) fn cpu_time(&self) -> io::Result<Duration> {
        process::cpu_time(self.process.id()?)
    }

    /// Ends the process, and waits until it has ended.
    pub(crate) async fn kill(self) -> io::Result<()> {
        self.process.kill().await
    }
}
