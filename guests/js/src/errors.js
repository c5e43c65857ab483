// The errors that steps throw and catch.

/**
 * The host refused a call, or could not carry it out.
 * `code` is `denied` (not granted to this step), `invalid` (the arguments make no sense), `limit`
 * (a limit was reached) or `unavailable` (the host's own reason; trying again may help).
 */
export class MotiaError extends Error {
  /**
   * @param {'denied' | 'invalid' | 'limit' | 'unavailable'} code
   * @param {string} message
   */
  constructor(code, message) {
    super(message);
    this.name = 'MotiaError';
    this.code = code;
    // What is refused now is refused again; only a host in trouble may recover.
    this.retryable = code === 'unavailable';
  }
}

/** Thrown by a handler that knows that another attempt would fail as well. */
export class NonRetryableError extends Error {
  /**
   * @param {string} [message]
   * @param {ErrorOptions} [options]
   */
  constructor(message, options) {
    super(message, options);
    this.name = 'NonRetryableError';
    this.retryable = false;
  }
}

/** Thrown by a handler that knows when another attempt makes sense. */
export class RetryAfterError extends Error {
  /**
   * @param {string} message
   * @param {number | Date} retryAfter milliseconds from now, or the moment
   * @param {ErrorOptions} [options]
   */
  constructor(message, retryAfter, options) {
    super(message, options);
    this.name = 'RetryAfterError';
    this.retryAfter = retryAfter;
  }
}

/** An api step answered something that is not a response. */
export class InvalidResponse extends Error {
  /** @param {string} message */
  constructor(message) {
    super(message);
    this.name = 'InvalidResponse';
    this.stack = '';
  }
}

/** The step's file does not export what a step needs. */
export class InvalidStep extends Error {
  /** @param {string} message */
  constructor(message) {
    super(message);
    this.name = 'InvalidStep';
    this.retryable = false;
    // The stack would show this package, not the step.
    this.stack = '';
  }
}
