// The core set in Firefox.

import { core } from "./core.js";
import { firefox } from "./firefox.js";

core(firefox);
