// Forms and controls that run actions. Pages load this module when they have an element with `p-action`, or with the
// first form that is the input of an action.

/** @import { Client } from "../call/action.js" */
/** @import { ActionError } from "../error.js" */
/** @import { RunSettings } from "../internal.d.ts" */
/** @import { Control } from "./fields.js" */

import { partsOf, settingsOf, textOf } from "./attributes.js";
import { announceError, clearError, clearErrors, clearWhole, showErrorOf, showErrors } from "./errors.js";
import { controlsAt, controlsOf, dataOf, groupOf, isEditable, restore, sentOf } from "./fields.js";

/** @typedef {(settings: RunSettings) => Promise<unknown>} Run sends the call */
/**
 * A call in flight; of a control that has changed again since, also what sends the last change, and the outcome of that.
 *
 * @typedef {{ outcome: Promise<unknown>, next?: () => unknown, afterwards?: Promise<unknown> }} Running
 */
/** @typedef {Pick<ActionError, "fields" | "message">} Failure */

/** The bound forms and controls of a tab. */
export class Forms {
  #client;
  #reloadPart;
  /** The calls in flight. @type {Map<Element, Running>} */
  #running = new Map();
  /** The buttons of the forms in flight. @type {Map<HTMLFormElement, Element[]>} */
  #busyButtons = new Map();
  /** What forms show as wrong. @type {Map<HTMLFormElement, Failure>} */
  #failures = new Map();

  /**
   * @param {Client} client
   * @param {(name: string, options: { signal: AbortSignal }) => Promise<void>} reloadPart
   */
  constructor(client, reloadPart) {
    this.#client = client;
    this.#reloadPart = reloadPart;
    for (const type of ["input", "change"]) document.addEventListener(type, ({ target }) => this.#edited(target));
    document.addEventListener("reset", ({ target }) => target instanceof HTMLFormElement && this.#clear(target));
    document.addEventListener("kipo:sent", ({ target }) => target instanceof Node && this.#showAgain(target));
  }

  /**
   * Runs the action of a form that is submitted, or of a control that has changed.
   *
   * @param {Pick<SubmitEvent, "target" | "submitter">} event
   */
  handle({ target, submitter }) {
    const element = /** @type {HTMLFormElement | Control} */ (target);
    const isForm = element instanceof HTMLFormElement;
    // A double submit.
    if (isForm && this.#running.has(element)) return;
    const question = (submitter && textOf(submitter, "p-confirm")) ?? textOf(element, "p-confirm");
    if (question && !confirm(question)) return isForm ? undefined : restore(element);
    const settings = settingsOf(element, (name) => this.#client.methodOf(name));
    this.#client.call({ ...settings, submitter });
  }

  /**
   * Runs a call whose input is a form or a control. While the call of a form is in flight, another one settles with its
   * outcome. A control that changes again in the meantime is sent once more, as it is by then.
   *
   * @param {RunSettings} settings
   * @param {Run} run
   * @returns {Promise<unknown>} the output
   */
  call(settings, run) {
    const element = /** @type {HTMLFormElement | Control} */ (settings.element);
    const isForm = element instanceof HTMLFormElement;
    // Radio buttons are one control.
    const key = (isForm ? [] : groupOf(element))[0] ?? element;
    const running = this.#running.get(key);
    if (running) {
      if (isForm) return running.outcome;
      running.next = () => this.call(settings, run);
      const again = () => running.next?.();
      return (running.afterwards ??= running.outcome.then(again, again));
    }
    const bound = isForm ? this.#ofForm(element, settings) : this.#ofControl(element, settings);
    const outcome = run(bound).finally(() => this.#running.delete(key));
    this.#running.set(key, { outcome });
    return outcome;
  }

  /**
   * @param {HTMLFormElement} form
   * @param {RunSettings} settings
   * @returns {RunSettings}
   */
  #ofForm(form, settings) {
    const submitter = /** @type {HTMLButtonElement | null | undefined} */ (settings.submitter);
    // A script may have moved the button in the meantime.
    const input = new FormData(form, submitter?.form === form ? submitter : null);
    const sent = controlsOf(form).map(sentOf);
    const focused = document.activeElement;
    const endBusy = this.#startBusy(form);
    clearWhole(form);
    this.#failures.delete(form);
    return this.#withOutcome(settings, input, endBusy, {
      succeed: () => {
        this.#clear(form);
        return (isLeaving) => {
          // What was typed in the meantime stays.
          const same = sent.filter(({ isSame }) => isSame());
          if (Element.prototype.hasAttribute.call(form, "p-keep")) sent.forEach(({ settle }) => settle());
          else if (same.length < sent.length) same.forEach(({ control }) => restore(control));
          else if (isLeaving || !showPageAnew()) HTMLFormElement.prototype.reset.call(form);
        };
      },
      fail: (error) => {
        const wrong = showErrors(form, error);
        const isOfFields = Object.keys(error.fields).length > 0;
        this.#failures.set(form, { fields: { ...error.fields }, message: isOfFields ? "" : error.message });
        // A user who has gone elsewhere in the meantime stays there.
        const active = document.activeElement;
        const isHere = !active || [focused, document.body].includes(active) || Node.prototype.contains.call(form, active);
        const first = isHere && wrong.find((control) => (control.focus(), document.activeElement === control));
        if (wrong[0] && (!first || first === active)) announceError(first || wrong[0]);
      },
    });
  }

  /**
   * @param {Control} control
   * @param {RunSettings} settings
   * @returns {RunSettings}
   */
  #ofControl(control, settings) {
    const { isSame, settle } = sentOf(control);
    const endBusy = this.#client.loading.start(control);
    return this.#withOutcome(settings, dataOf(control), endBusy, {
      succeed: () => settle,
      refused: () => isSame() && restore(control),
      fail: (error) => showErrorOf(control, error),
    });
  }

  /**
   * Returns the settings of a call that dispatches `kipo:success` or `kipo:error` on its element, before the callbacks.
   *
   * @param {RunSettings} settings
   * @param {FormData} input
   * @param {() => void} endBusy
   * @param {{ succeed(): (isLeaving: boolean) => unknown, refused?(): unknown, fail(error: ActionError): void }} show `succeed` returns
   *   what a script of the page may prevent
   * @returns {RunSettings}
   */
  #withOutcome(settings, input, endBusy, { succeed, refused, fail }) {
    const { onSuccess, onError, onComplete, signal } = settings;
    const element = /** @type {Element} */ (settings.element);
    let isLeaving = false;
    return {
      ...settings,
      input,
      onEffects: (field) => (isLeaving = JSON.parse(field).some((/** @type {{ effect: string }} */ { effect }) => effect === "redirect")),
      onSuccess: (output) => {
        const finish = succeed();
        if (dispatch(element, "kipo:success", output)) {
          finish(isLeaving);
          if (!isLeaving) this.#reloadParts(partsOf(element), signal);
        }
        return onSuccess?.(output);
      },
      onError: (error) => {
        refused?.();
        if (dispatch(element, "kipo:error", error)) fail(error);
        return onError?.(error);
      },
      onComplete: () => {
        endBusy();
        return onComplete?.();
      },
    };
  }

  /**
   * @param {string[]} names
   * @param {AbortSignal} signal
   */
  #reloadParts(names, signal) {
    for (const name of names) this.#reloadPart(name, { signal }).catch((error) => signal.aborted || reportError(error));
  }

  /** @param {HTMLFormElement} form */
  #clear(form) {
    clearErrors(form);
    this.#failures.delete(form);
  }

  /** @param {EventTarget | null} target */
  #edited(target) {
    clearError(target);
    if (!isEditable(target) || !target.form) return;
    const fields = this.#failures.get(target.form)?.fields ?? {};
    const controls = controlsOf(target.form);
    for (const path of Object.keys(fields)) if (controlsAt(controls, path).includes(target)) delete fields[path];
  }

  /**
   * Shows again what the server does not know: errors, and which forms are busy. The server has sent a part of the page.
   *
   * @param {Node} part
   */
  #showAgain(part) {
    const isIn = (/** @type {Node} */ form) => part.contains(form) || Node.prototype.contains.call(form, part);
    for (const [form, failure] of this.#failures) {
      if (!form.isConnected) this.#failures.delete(form);
      else if (isIn(form)) showErrors(form, failure);
    }
    for (const [form, buttons] of this.#busyButtons) {
      if (!isIn(form)) continue;
      this.#client.loading.start(form)();
      for (const button of buttons) button.setAttribute("aria-disabled", "true");
    }
  }

  /**
   * Marks a form as busy. Its buttons stay enabled, so that they keep the focus and their values.
   *
   * @param {HTMLFormElement} form
   */
  #startBusy(form) {
    const endLoading = this.#client.loading.start(form);
    const elements = /** @type {Iterable<Element>} */ (Reflect.get(HTMLFormElement.prototype, "elements", form));
    const buttons = [...elements].filter((element) => element.matches("[type=submit], button:not([type])") && !element.hasAttribute("aria-disabled"));
    for (const button of buttons) button.setAttribute("aria-disabled", "true");
    this.#busyButtons.set(form, buttons);
    return () => {
      endLoading();
      this.#busyButtons.delete(form);
      for (const button of buttons) button.removeAttribute("aria-disabled");
    };
  }
}

/**
 * Loads the page again if it is the response to a form that the browser has posted: a reset would bring back what was
 * typed then. Returns whether it is.
 */
function showPageAnew() {
  const url = new URL(location.href);
  if (!url.searchParams.has("kipo-form")) return false;
  for (const name of ["kipo-form", "kipo-key"]) url.searchParams.delete(name);
  location.replace(url);
  return true;
}

/**
 * Dispatches an event. Returns whether no script has prevented its default.
 *
 * @param {Element} element
 * @param {string} name
 * @param {unknown} detail
 */
function dispatch(element, name, detail) {
  return EventTarget.prototype.dispatchEvent.call(element, new CustomEvent(name, { bubbles: true, cancelable: true, detail }));
}
