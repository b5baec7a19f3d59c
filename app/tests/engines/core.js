// The core set: what every engine has to pass. A page that joins adds its file here.

import { chatting } from "./core/chat.js";
import { edits } from "./core/edits.js";
import { navigation } from "./core/navigation.js";
import { progress } from "./core/progress.js";
import { scenes } from "./stage.js";

/**
 * Declares the core set for an engine.
 *
 * @param {import("./engine.d.ts").Engine} engine
 */
export function core(engine) {
  const scene = scenes(engine);
  for (const subject of [chatting, progress, navigation, edits]) subject(scene);
}
