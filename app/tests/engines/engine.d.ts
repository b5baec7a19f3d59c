// What the core tests need of a browser engine. `firefox.js` and `webkit.js` implement it.

/** A browser engine. */
export interface Engine {
  /** The name, for the titles of tests. */
  name: string;
  /** The host by which its pages reach servers of this machine. */
  host: string;
  /** Starts a browser. */
  launch(): Promise<Browser>;
}

/** One running browser with all of its processes. */
export interface Browser {
  /** Makes a profile: its tabs share storage and locks with each other and with no other profile. */
  profile(): Promise<Profile>;
  /** Ends all processes of the browser. */
  close(): Promise<void>;
}

export interface Profile {
  /** Opens a page in a new tab and waits until the page has loaded. */
  open(url: string): Promise<Tab>;
  /** Closes all tabs. */
  close(): Promise<void>;
}

export interface Tab {
  /** Clicks the first element of a selector, as a mouse does. */
  click(selector: string): Promise<void>;
  /** Focuses the first element of a selector and types a text into it, as a keyboard does. */
  type(selector: string, text: string): Promise<void>;
  /** Runs a function in the page. The arguments and the answer travel as JSON. */
  evaluate<Args extends unknown[], Answer>(run: (...args: Args) => Answer, ...args: Args): Promise<Awaited<Answer>>;
  /** Closes the tab, as a person does. */
  close(): Promise<void>;
}
