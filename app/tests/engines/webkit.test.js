// The core set in WebKit.

import { core } from "./core.js";
import { webkit } from "./webkit.js";

core(webkit);
