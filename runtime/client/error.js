/** @import { Problem } from "./types.d.ts" */

/** The failure of an action. types.d.ts describes it for pages. */
export class ActionError extends Error {
  /**
   * @param {Problem} problem
   * @param {{ cause?: unknown, retryAfter?: number | null }} [options]
   */
  constructor({ status, code, title, detail, errors = {}, data = null, request_id = null }, { cause, retryAfter = null } = {}) {
    super(detail || title || code, cause === undefined ? undefined : { cause });
    this.name = /** @type {const} */ ("ActionError");
    this.status = status;
    this.code = code;
    this.fields = errors;
    this.data = data;
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

/** @param {unknown} error */
export const isError = (error) => error instanceof ActionError;

/**
 * Returns the error for a response that is missing or incomplete.
 *
 * @param {string} code
 * @param {string} detail
 * @param {unknown} [cause]
 */
export function noResponseError(code, detail, cause) {
  return new ActionError({ status: 0, code, detail }, { cause });
}

/** @param {unknown} cause */
export function networkError(cause) {
  return noResponseError("network", "the server could not be reached", cause);
}

/**
 * Returns the error for a response without its body, or with an incomplete type or status. Without TLS, a browser
 * accepts a truncated head as a complete one.
 */
export function truncatedError() {
  return noResponseError("network", "the response was truncated");
}

/** @param {number} ms */
export function timeoutError(ms) {
  return noResponseError("timeout", `no response within ${ms} ms`);
}

/**
 * Returns the error for a response that this client cannot read.
 *
 * @param {string} detail
 * @param {unknown} [cause]
 */
export function badResponseError(detail, cause) {
  return new ActionError({ status: 200, code: "bad_response", detail }, { cause });
}

/**
 * Returns whether the same request may succeed later.
 *
 * @param {unknown} error
 * @returns {error is ActionError}
 */
export function isTransient(error) {
  return error instanceof ActionError && (error.status >= 500 || [0, 408, 423, 425, 429].includes(error.status));
}

/**
 * Reads a failed response: a problem document from the server, or any body from a proxy.
 *
 * @param {Response} response
 * @param {number} now
 */
export async function errorFromResponse(response, now) {
  const { status } = response;
  // The status has less than three digits: the head was truncated.
  if (status < 100) return truncatedError();
  return errorFromProblem({ ...problemFromJson(await response.text()), status }, retryAfterMs(response.headers.get("retry-after"), now));
}

/**
 * @param {Partial<Problem>} problem
 * @param {number | null} [retryAfter]
 */
export function errorFromProblem({ status = 500, ...problem }, retryAfter) {
  const fallback = { code: `http_${status}`, title: `the server responded with status ${status}` };
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
 * @param {string | null} value seconds or a date
 * @param {number} now
 */
function retryAfterMs(value, now) {
  const ms = /^\d+$/.test(value ?? "") ? Number(value) * 1000 : Date.parse(value ?? "") - now;
  return Number.isNaN(ms) ? null : Math.max(0, ms);
}
