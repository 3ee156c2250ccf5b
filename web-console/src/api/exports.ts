import { bucketZone } from "../lib/time";
import { watchedFetch } from "./connection";
import { problemOf } from "./problem";
import { authHeaders, session } from "./session";

export type FileFormat = "csv" | "parquet";

export interface Export {
  ids: readonly number[];
  from: string;
  to: string;
  resolution: string;
  format: FileFormat;
}

/** Where the file is. The API makes it while the browser takes it. */
export function exportPath({ ids, ...how }: Export): string {
  const query = new URLSearchParams([...ids.map((id) => ["id", String(id)]), ...Object.entries(how)]);
  query.set("time_zone", bucketZone);
  return `/api/v1/readings/export?${query}`;
}

/** Have the browser keep the file: by its own download with the session's cookie, however long the file is.
 *
 * A browser sends no API key by itself, so with one the file is taken whole before it is kept.
 *
 * @throws ApiProblem where the API refuses, Unreachable where it does not answer.
 */
export async function download(wanted: Export): Promise<void> {
  const path = exportPath(wanted);
  const current = session.get();
  if (!current?.apiKey) return keep(path);
  const response = await watchedFetch(path, { headers: authHeaders(current, "GET") });
  if (!response.ok) throw problemOf(await response.json().catch(() => null), response);
  const url = URL.createObjectURL(await response.blob());
  keep(url, `readings.${wanted.format}`);
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

function keep(href: string, name = ""): void {
  Object.assign(document.createElement("a"), { href, download: name }).click();
}
