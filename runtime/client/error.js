/** @import { Problem } from "./types.d.ts" */

/** Why an action did not answer. types.d.ts describes it for pages. */
export class ActionError extends Error {
  /**
   * @param {Problem} problem
   * @param {{ cause?: unknown, retryAfter?: number | null }} [options]
   */
  constructor({ status, code, title, detail, errors = {}, request_id = null }, { cause, retryAfter = null } = {}) {
    super(detail || title || code, cause === undefined ? undefined : { cause });
    this.name = /** @type {const} */ ("ActionError");
    this.status = status;
    this.code = code;
    this.fields = errors;
    this.requestId = request_id;
    this.retryAfter = retryAfter;
  }

  get isNetworkError() {
    return this.status === 0;
  }

  get isValidationError() {
    return this.status === 422;
  }

  get isAuthError() {
    return this.status === 401 || this.status === 403;
  }
}

/**
 * No complete answer arrived.
 *
 * @param {string} code
 * @param {string} detail
 * @param {unknown} [cause]
 */
export function noAnswer(code, detail, cause) {
  return new ActionError({ status: 0, code, detail }, { cause });
}

/** @param {unknown} cause */
export function networkError(cause) {
  return noAnswer("network", "the server could not be reached", cause);
}

/**
 * The answer lacks its body, its whole type or its whole status: without TLS a browser takes a head that was
 * cut off for a whole one.
 */
export function cutOff() {
  return noAnswer("network", "the answer was cut off");
}

/** @param {number} ms */
export function timeoutError(ms) {
  return noAnswer("timeout", `no answer within ${ms} ms`);
}

/**
 * An answer arrived, but not in a form that this client can read.
 *
 * @param {string} detail
 * @param {unknown} [cause]
 */
export function badResponse(detail, cause) {
  return new ActionError({ status: 200, code: "bad_response", detail }, { cause });
}

/**
 * Whether the same request may well succeed later.
 *
 * @param {unknown} error
 * @returns {error is ActionError}
 */
export function isTransient(error) {
  return error instanceof ActionError && (error.status >= 500 || [0, 408, 425, 429].includes(error.status));
}

/**
 * Reads a failed answer: a problem document of our server, or whatever a proxy on the way sends.
 *
 * @param {Response} response
 * @param {number} now
 */
export async function errorFromResponse(response, now) {
  // Two digits of a status, or one.
  if (response.status < 100) return cutOff();
  const problem = { ...problemFromJson(await response.text()), status: response.status };
  return errorFromProblem(problem, retryAfterMs(response.headers.get("retry-after"), now));
}

/**
 * @param {Partial<Problem>} problem
 * @param {number | null} [retryAfter]
 */
export function errorFromProblem({ status = 500, ...problem }, retryAfter) {
  const fallback = { code: `http_${status}`, title: `the server answered with status ${status}` };
  return new ActionError({ ...fallback, ...problem, status }, { retryAfter });
}

/**
 * @param {string} text
 * @returns {Partial<Problem>}
 */
function problemFromJson(text) {
  try {
    return Object(JSON.parse(text));
  } catch {
    return {};
  }
}

/**
 * @param {string | null} value seconds, or a date
 * @param {number} now
 */
function retryAfterMs(value, now) {
  const ms = /^\d+$/.test(value ?? "") ? Number(value) * 1000 : Date.parse(value ?? "") - now;
  return Number.isNaN(ms) ? null : Math.max(0, ms);
}
