import { Unreachable } from "./problem";
import { Store } from "./store";

const PROBE_EVERY_MS = 2000;

/** Whether the API answers; while it does not, it is asked again until it does. */
export const connection = new Store<"ok" | "broken">("ok");

/** `fetch` that notes whether the server answered.
 *
 * @throws Unreachable where it did not, or a proxy answered in its place.
 */
export async function watchedFetch(input: Request | string, init?: RequestInit): Promise<Response> {
  const response = await fetch(input, init).catch((error: unknown) => {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    return lost();
  });
  if (response.status === 502 || response.status === 504) return lost();
  connection.set("ok");
  return response;
}

function lost(): never {
  if (connection.get() === "ok") {
    connection.set("broken");
    setTimeout(probe, PROBE_EVERY_MS);
  }
  throw new Unreachable("The server does not answer. The console tries again by itself.");
}

async function probe(): Promise<void> {
  if (connection.get() === "ok") return;
  const answered = await fetch("/healthz").then(
    (response) => response.headers.get("content-type")?.includes("json") ?? false,
    () => false,
  );
  if (answered) connection.set("ok");
  else setTimeout(probe, PROBE_EVERY_MS);
}
