/** Waiting for a condition by asking again until a deadline: the only kind of waiting in this suite. */

/**
 * Asks `probe` until it returns something other than `undefined`, `null` or `false`.
 * @template T
 * @param {string} what  named in the error, e.g. "receipt of 0x…"
 * @param {() => Promise<T> | T} probe  an exception ends the wait: only "not yet" is retried
 * @param {{ deadline?: number, every?: number }} [options]  milliseconds
 * @returns {Promise<NonNullable<T>>}
 */
export async function until(what, probe, { deadline = 20_000, every = 25 } = {}) {
  const start = performance.now();
  for (;;) {
    const value = await probe();
    if (value !== undefined && value !== null && value !== false) return value;
    if (performance.now() - start > deadline) throw new Error(`not within ${deadline} ms: ${what}`);
    await new Promise((wake) => setTimeout(wake, every));
  }
}

/** Rejects with `what` when `promise` has not settled within `deadline` milliseconds. @template T @param {Promise<T>} promise */
export async function within(what, promise, deadline = 20_000) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not within ${deadline} ms: ${what}`)), deadline);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
