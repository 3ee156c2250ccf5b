/** What became of doing the same to many things. */
export interface Outcome {
  done: number;
  failed: number;
  firstError?: unknown;
}

/** Do it to one after another; one that fails does not stop the others. */
export async function oneByOne<T>(
  things: Iterable<T>,
  act: (thing: T) => Promise<unknown>,
  onProgress: (outcome: Outcome) => void,
): Promise<Outcome> {
  let outcome: Outcome = { done: 0, failed: 0 };
  for (const thing of things) {
    try {
      await act(thing);
      outcome = { ...outcome, done: outcome.done + 1 };
    } catch (error) {
      outcome = { ...outcome, failed: outcome.failed + 1, firstError: outcome.firstError ?? error };
    }
    onProgress(outcome);
  }
  return outcome;
}
