/** What became of doing the same to many things. */
export interface Outcome {
  done: number;
  failed: number;
  /** Of those that are done: how many stay as they were. */
  still: number;
  firstError?: unknown;
}

/** Do it to one after another; one that fails does not stop the others. `act` tells whether it changed the thing. */
export async function oneByOne<T>(
  things: Iterable<T>,
  act: (thing: T) => Promise<boolean>,
  onProgress: (outcome: Outcome) => void,
): Promise<Outcome> {
  let outcome: Outcome = { done: 0, failed: 0, still: 0 };
  for (const thing of things) {
    try {
      const changed = await act(thing);
      outcome = { ...outcome, done: outcome.done + 1, still: outcome.still + (changed ? 0 : 1) };
    } catch (error) {
      outcome = { ...outcome, failed: outcome.failed + 1, firstError: outcome.firstError ?? error };
    }
    onProgress(outcome);
  }
  return outcome;
}
