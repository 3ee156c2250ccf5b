import { EventParser } from "../lib/sse";
import { watchedFetch } from "./connection";
import { authHeaders, session } from "./session";

/** A reading as it was stored, the newest of its series since the one before. `time_us` is µs since 1970 UTC. */
export interface LiveReading {
  series_id: number;
  source: string;
  device: string;
  metric: string;
  unit: string;
  time_us: number;
  /** Of a boolean 0 or 1, as in all that is asked for. */
  value: number | string;
}

export type LiveState = "connecting" | "live" | "broken";

/** Which readings are followed, as the API is asked: a text, so that the same ones are not followed anew. */
export type LiveFilter = string;

export const ofDevice = (id: number): LiveFilter => `device_id=${id}`;
export const ofSeries = (ids: readonly number[]): LiveFilter => ids.map((id) => `series_id=${id}`).join("&");

type Sent = Omit<LiveReading, "value"> & { value: number | string | boolean };

function received(reading: Sent): LiveReading {
  return typeof reading.value === "boolean"
    ? { ...reading, value: Number(reading.value) }
    : { ...reading, value: reading.value };
}

const RETRY_MS = 2000;
/** The API sends a heartbeat every ten seconds: after so long without one, nobody is there. */
const SILENT_AFTER_MS = 25_000;

export interface Listener {
  onReadings: (readings: LiveReading[]) => void;
  onState: (state: LiveState) => void;
  /** Readings were missed that cannot be told any more: ask for them. */
  onReset: () => void;
}

/** Follow live readings until the returned function is called; a stream that ends is opened again and goes on.
 *
 * By `fetch`, not EventSource: that one cannot show an API key.
 */
export function follow(filter: LiveFilter, listener: Listener): () => void {
  const stopping = new AbortController();
  const parser = new EventParser();
  void (async () => {
    listener.onState("connecting");
    while (!stopping.signal.aborted) {
      parser.begin();
      await listen(filter, parser, listener, stopping.signal).catch(() => undefined);
      if (stopping.signal.aborted) return;
      listener.onState("broken");
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  })();
  return () => stopping.abort();
}

async function listen(
  filter: LiveFilter,
  parser: EventParser,
  { onReadings, onState, onReset }: Listener,
  stopping: AbortSignal,
): Promise<void> {
  const silence = new AbortController();
  let timer = setTimeout(() => silence.abort(), SILENT_AFTER_MS);
  try {
    const response = await watchedFetch(`/api/v1/live?${filter}`, {
      headers: {
        ...authHeaders(session.get(), "GET"),
        ...(parser.lastId !== null && { "Last-Event-ID": parser.lastId }),
      },
      signal: AbortSignal.any([stopping, silence.signal]),
    });
    if (!response.ok || !response.body) return;
    onState("live");
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
      clearTimeout(timer);
      timer = setTimeout(() => silence.abort(), SILENT_AFTER_MS);
      for (const { event, data } of parser.push(piece.value)) {
        if (event === "reset") onReset();
        if (event === "readings")
          onReadings((JSON.parse(data) as { readings: Sent[] }).readings.map(received));
      }
    }
  } finally {
    clearTimeout(timer);
  }
}
