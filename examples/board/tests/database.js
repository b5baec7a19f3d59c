// Reads the database of a server. Python has SQLite with it, as not every Node has.

import { execFile } from "node:child_process";
import { promisify } from "node:util";

const READ = `
import json, sqlite3, sys
db = sqlite3.connect(sys.argv[1])
db.row_factory = sqlite3.Row
print(json.dumps({table: [dict(row) for row in db.execute(f"SELECT * FROM {table} ORDER BY 1, 2")] for table in sys.argv[2:]}))
`;

/**
 * Returns the rows of tables, by their names.
 *
 * @param {string} path the file
 * @param {string[]} tables
 */
export async function rowsOf(path, ...tables) {
  const { stdout } = await promisify(execFile)(process.env.KIPO_PYTHON ?? "python3", ["-c", READ, path, ...tables]);
  return JSON.parse(stdout);
}
