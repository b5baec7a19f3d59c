// A copy of the app, which tests edit as editors do: they write a new file and rename it over the old one.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { cp, mkdir, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { APP } from "../server.js";

const WORKSPACE = fileURLToPath(new URL("../../../", import.meta.url));

const TARGET = process.env.CARGO_TARGET_DIR ?? join(WORKSPACE, "target");

export class Copy {
  /** @param {string} root */
  constructor(root) {
    this.root = root;
  }

  /** Copies the app's pages and public files. */
  static async ofPages(stage) {
    const root = await mkdtemp(join(tmpdir(), "kipo-edit-"));
    stage.finally(() => rm(root, { recursive: true, force: true }));
    for (const folder of ["pages", "public"]) await cp(join(APP, folder), join(root, folder), { recursive: true });
    return new Copy(root);
  }

  /**
   * Copies the whole app as a package. It is built into the workspace's target folder, which has its dependencies.
   *
   * @param {string} name
   */
  static async ofApp(name) {
    // The same folder each time, because cargo distinguishes packages by their paths.
    const root = join(TARGET, "edits", name);
    await rm(root, { recursive: true, force: true });
    await mkdir(root, { recursive: true });
    for (const part of ["actions", "pages", "public", "main.rs", "build.rs"]) await cp(join(APP, part), join(root, part), { recursive: true });
    await cp(join(WORKSPACE, "Cargo.lock"), join(root, "Cargo.lock"));
    const [kipo, nats] = ["runtime", "nats"].map((crate) => JSON.stringify(join(WORKSPACE, crate)));
    const engines = process.env.KIPO_TEST_ENGINE === undefined ? [] : ["nats"];
    const manifest = [
      `[package]\nname = "${name}"\nversion = "0.0.0"\nedition = "2024"\npublish = false\n`,
      `[[bin]]\nname = "${name}"\npath = "main.rs"\n`,
      `[features]\ndefault = ${JSON.stringify(engines)}\nnats = ["dep:kipo-nats"]\nredis = []\n`,
      `[dependencies]\nkipo = { path = ${kipo} }\nkipo-nats = { path = ${nats}, optional = true }\ntokio = { version = "1", features = ["macros"] }\n`,
      "[workspace]\n",
      // As in the manifest that `kipo new` writes.
      `[profile.dev]\ndebug = "line-tables-only"\n`,
      `[profile.dev.package."*"]\ndebug = false\n`,
    ];
    await writeFile(join(root, "Cargo.toml"), manifest.join("\n"));
    const copy = new Copy(root);
    await copy.build();
    return copy;
  }

  /** The path of its binary. */
  get bin() {
    return join(TARGET, "debug", this.root.split("/").at(-1));
  }

  /** The target folder. */
  get target() {
    return TARGET;
  }

  /** The options of a server that runs this copy. */
  get options() {
    return { bin: this.bin, cwd: this.root, watch: true, env: { CARGO_NET_OFFLINE: "true" } };
  }

  async build() {
    const cargo = spawn("cargo", ["build", "--offline", "--target-dir", TARGET], { cwd: this.root, stdio: ["ignore", "ignore", "pipe"] });
    let printed = "";
    cargo.stderr.setEncoding("utf8").on("data", (text) => (printed += text));
    const [code] = await once(cargo, "close");
    if (code !== 0) throw new Error(printed);
  }

  read(file) {
    return readFile(join(this.root, file), "utf8");
  }

  async write(file, text) {
    const path = join(this.root, file);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(`${path}~`, text);
    await rename(`${path}~`, path);
  }

  async edit(file, from, to) {
    const text = await this.read(file);
    if (!text.includes(from)) throw new Error(`${file} has no ${from}`);
    await this.write(file, text.replace(from, to));
  }

  async append(file, text) {
    await this.write(file, (await this.read(file)) + text);
  }

  remove(file) {
    return rm(join(this.root, file), { recursive: true });
  }
}
