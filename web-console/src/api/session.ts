import { watchedFetch } from "./connection";
import { ApiProblem, problemOf } from "./problem";
import { Store } from "./store";

export type Role = "viewer" | "operator" | "admin";

export interface User {
  id: number;
  name: string;
  role: Role;
}

/** Who works here: a user with a cookie, or whoever holds an API key. */
export interface Session {
  user?: User;
  csrfToken?: string;
  apiKey?: string;
}

interface SessionAnswer {
  user: User;
  csrf_token: string;
}

export type Credentials = { token: string } | { username: string; password: string };

const KEY_ITEM = "sens-api-key";
const PATH = "/api/v1/session";

export const session = new Store<Session | null>(null);

/** Headers that show who asks. The cookie goes by itself; writes need the token against forged requests. */
export function authHeaders(current: Session | null, method: string): Record<string, string> {
  if (current?.apiKey) return { Authorization: `Bearer ${current.apiKey}` };
  const reads = method === "GET" || method === "HEAD";
  return current?.csrfToken && !reads ? { "X-CSRF-Token": current.csrfToken } : {};
}

/** The session that this tab had, or that the cookie still opens; null: log in. */
export async function restore(): Promise<Session | null> {
  if (session.get()) return session.get();
  const apiKey = sessionStorage.getItem(KEY_ITEM);
  if (apiKey) return open({ apiKey });
  const response = await watchedFetch(PATH);
  return response.ok ? open(await read(response)) : null;
}

/** @throws ApiProblem where they open nothing. */
export async function logIn(credentials: Credentials): Promise<Session> {
  const response = await watchedFetch(PATH, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(credentials),
  });
  if (!response.ok) throw problemOf(await response.json().catch(() => null), response);
  return open(await read(response));
}

/** @throws ApiProblem where the key opens nothing. */
export async function enterWithKey(apiKey: string): Promise<Session> {
  const response = await watchedFetch("/api/v1/sources?limit=1", { headers: authHeaders({ apiKey }, "GET") });
  if (response.status === 401) throw new ApiProblem(401, "This key opens nothing.", "");
  if (!response.ok) throw problemOf(await response.json().catch(() => null), response);
  sessionStorage.setItem(KEY_ITEM, apiKey);
  return open({ apiKey });
}

export async function logOut(): Promise<void> {
  const before = session.get();
  end();
  if (before?.user) await watchedFetch(PATH, { method: "DELETE", headers: authHeaders(before, "DELETE") });
}

/** What opened the console opens it no more. */
export function end(): void {
  sessionStorage.removeItem(KEY_ITEM);
  session.set(null);
}

/** Whether the session may do what the scope allows; for a key only the API knows. */
export function may(current: Session | null, scope: "operate" | "admin"): boolean {
  const role = current?.user?.role;
  if (role === undefined) return current !== null;
  return role === "admin" || (scope === "operate" && role === "operator");
}

function open(opened: Session): Session {
  session.set(opened);
  return opened;
}

async function read(response: Response): Promise<Session> {
  const answer = (await response.json()) as SessionAnswer;
  return { user: answer.user, csrfToken: answer.csrf_token };
}
