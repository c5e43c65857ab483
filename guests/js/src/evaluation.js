// Whether modules of the project are being evaluated, as opposed to called.

export const evaluation = { runs: false };

/**
 * Evaluates modules.
 * @template T
 * @param {() => T} evaluate
 * @returns {T} for a promise, one that is settled after the evaluation
 */
export function evaluating(evaluate) {
  evaluation.runs = true;
  let result;
  try {
    result = evaluate();
  } finally {
    if (typeof result?.then !== 'function') evaluation.runs = false;
  }
  return typeof result?.then === 'function' ? settled(result) : result;
}

async function settled(promise) {
  try {
    return await promise;
  } finally {
    evaluation.runs = false;
  }
}
