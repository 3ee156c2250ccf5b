/** Running totals at a moment, in ms since 1970 UTC. */
export interface Counted {
  atMs: number;
  messages: number;
  readings: number;
}

/** Per second. */
export interface Rate {
  messages: number;
  readings: number;
}

/** Per second between the first and the last look; null for fewer than two, or where a total went back. */
export function rateOf(looks: readonly Counted[]): Rate | null {
  const [first, last] = [looks[0], looks.at(-1)];
  if (!first || !last || last.atMs <= first.atMs) return null;
  const seconds = (last.atMs - first.atMs) / 1000;
  const [messages, readings] = [last.messages - first.messages, last.readings - first.readings];
  return messages < 0 || readings < 0 ? null : { messages: messages / seconds, readings: readings / seconds };
}
