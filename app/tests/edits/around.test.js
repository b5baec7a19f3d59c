// Edits of an app with a state that is opened at start, a route, tasks, and a function that runs at the end.

import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Server } from "../server.js";
import { Copy } from "./copy.js";
import { until } from "./until.js";

const NAME = "edited-around";

/** The directory of the database and of the log of all versions. */
let data;
let copy;
before(async () => {
  data = await mkdtemp(join(tmpdir(), "kipo-around-"));
  copy = await Copy.ofApp(NAME);
  await copy.append("Cargo.toml", `\n[dependencies.axum]\nversion = "0.8"\ndefault-features = false\n`);
  await copy.write("main.rs", main(1));
  await copy.build();
});
after(async () => {
  await copy?.remove(".");
  await rm(data, { recursive: true, force: true });
});

/**
 * Returns the source of a version. Its database is a file that only one process may have open.
 *
 * @param {number} number
 * @param {string} [database] the file's name below the directory of the log
 */
const main = (number, database = "database") => `
use std::{fs::File, io::Write as _, path::PathBuf, process::ExitCode, time::Duration};

use axum::{Router, routing::get};
use kipo::{App, Context, Result, TaskContext};

kipo::actions!();

const VERSION: u32 = ${number};

fn data(name: &str) -> PathBuf {
    PathBuf::from(std::env::var_os("AROUND").unwrap()).join(name)
}

fn log(what: &str) {
    let mut log = File::options().create(true).append(true).open(data("log")).unwrap();
    writeln!(log, "{VERSION} {what}").unwrap();
}

struct Database(File);

impl Database {
    async fn open() -> Result<Self> {
        let file = File::create(data("${database}"))?;
        file.try_lock()?;
        log("opened");
        Ok(Self(file))
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        log("closed");
    }
}

async fn work(cx: TaskContext) -> Result<()> {
    assert!(cx.state::<Database>()?.0.metadata().is_ok());
    log("works");
    cx.cancelled().await;
    kipo::time::sleep(Duration::from_millis(200)).await;
    log("worked");
    Ok(())
}

async fn wait(_: TaskContext) -> Result<()> {
    std::future::pending().await
}

async fn tidy(_: TaskContext) -> Result<()> {
    log("tidied");
    Ok(())
}

async fn end(cx: TaskContext) -> Result<()> {
    cx.state::<Database>()?;
    log("ended");
    Ok(())
}

async fn version(cx: Context) -> Result<String> {
    cx.state::<Database>()?;
    Ok(VERSION.to_string())
}

fn main() -> ExitCode {
    App::new()
        .files(kipo::files!())
        .state_async(Database::open)
        .routes(Router::new().route("/version", get(version)))
        .task("work", work)
        .task("wait", wait)
        .every("tidy", Duration::from_secs(3600), tidy)
        .on_shutdown(end)
        .run()
}
`;

const logged = async () => (await readFile(join(data, "log"), "utf8")).trim().split("\n");

/** Returns the version that answers. */
async function version(server) {
  const response = await fetch(`${server.url}/version`);
  return response.status === 200 ? Number(await response.text()) : response.status;
}

test("the tasks of a version end before the next one opens its state, and no request is refused", async () => {
  const server = await Server.start({ ...copy.options, env: { ...copy.options.env, AROUND: data } });
  const why = () => server.stdout + server.stderr;
  try {
    await until(async () => (await version(server)) === 1, why);
    for (const number of [2, 3]) {
      await copy.write("main.rs", main(number));
      await until(async () => {
        const answered = await version(server);
        assert.ok([number - 1, number].includes(answered), `${answered} during the edit`);
        return answered === number;
      }, why);
    }

    // A state that cannot be opened: the browser and the terminal show why, and the next edit serves.
    await copy.write("main.rs", main(4, "missing/database"));
    await until(() => server.stdout.includes("waiting for an edit"), why);
    assert.match(server.stderr + server.stdout, /the state `edited_around::Database` could not be opened: No such file/);
    assert.equal(await version(server), 503);
    await copy.write("main.rs", main(5));
    await until(async () => (await version(server)) === 5, why);
  } finally {
    await server.stop();
  }
  const lines = await logged();
  for (const number of [1, 2, 3, 5]) {
    const of = lines.filter((line) => line.startsWith(`${number} `)).map((line) => line.slice(2));
    assert.equal(of[0], "opened", lines.join("\n"));
    assert.deepEqual(of.slice(1, 3).sort(), ["tidied", "works"]);
    assert.deepEqual(of.slice(3), ["worked", "ended", "closed"]);
  }
  const numbers = lines.map((line) => Number(line.split(" ")[0]));
  assert.deepEqual(numbers, numbers.toSorted((a, b) => a - b), "one version begins after the one before has ended");
});
