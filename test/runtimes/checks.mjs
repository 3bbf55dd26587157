// A list of named checks, run one after the other on whatever runtime this is, and told about in lines of JSON. No test
// runner works on all of them.

/** @typedef {() => unknown} Check */
/** @typedef {{ name: string, error?: string }} CheckResult */

const deadlineMs = 20_000;
const mostCharacters = 2000;

/** @param {unknown} error */
function describeError(error) {
  const text = error instanceof Error ? (error.stack ?? String(error)) : String(error);
  return text.length > mostCharacters ? `${text.slice(0, mostCharacters)}...` : text;
}

/** @param {Check} check */
async function runInTime(check) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not done within ${deadlineMs} ms`)), deadlineMs);
  });
  try {
    await Promise.race([Promise.resolve().then(check), late]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Runs the checks in their order.
 * @param {Readonly<Record<string, Check>>} checks
 * @param {(result: CheckResult) => void} [tell] by default a line of JSON on standard output
 */
export async function runChecks(checks, tell = (result) => console.log(JSON.stringify(result))) {
  for (const [name, check] of Object.entries(checks)) {
    try {
      await runInTime(check);
      tell({ name });
    } catch (error) {
      tell({ name, error: describeError(error) });
    }
  }
}
