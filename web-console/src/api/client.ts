import createClient, { type Middleware } from "openapi-fetch";
import { watchedFetch } from "./connection";
import { problemOf } from "./problem";
import type { components, paths } from "./schema";
import { authHeaders, end, session } from "./session";

export type Schemas = components["schemas"];

const authenticated: Middleware = {
  onRequest({ request }) {
    for (const [name, value] of Object.entries(authHeaders(session.get(), request.method))) {
      request.headers.set(name, value);
    }
  },
  onResponse({ response }) {
    if (response.status === 401) end();
  },
};

export const api = createClient<paths>({ baseUrl: location.origin, fetch: watchedFetch });
api.use(authenticated);

interface Answer<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

/** The body of a success.
 *
 * @throws ApiProblem for any other answer, Unreachable where there was none.
 */
export async function body<T>(asked: Promise<Answer<T>>): Promise<T> {
  const { data, error, response } = await asked;
  if (data === undefined) throw problemOf(error, response);
  return data;
}

/** Waits for a success that has no body.
 *
 * @throws ApiProblem for any other answer, Unreachable where there was none.
 */
export async function done(asked: Promise<Answer<unknown>>): Promise<void> {
  const { error, response } = await asked;
  if (!response.ok) throw problemOf(error, response);
}
