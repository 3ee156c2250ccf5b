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
  setup_required?: boolean;
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
  return response.ok ? open(sessionOf((await response.json()) as SessionAnswer)) : null;
}

/** The session that they open; null where the token is for making the first user.
 *
 * @throws ApiProblem where they open nothing.
 */
export async function logIn(credentials: Credentials): Promise<Session | null> {
  const answer = await send(PATH, credentials);
  return answer.setup_required ? null : open(sessionOf(answer));
}

/** Make the first user, an admin, with the token of the setup link.
 *
 * @throws ApiProblem where the token does not allow that any more, or the password is too weak.
 */
export async function setUp(token: string, username: string, password: string): Promise<Session> {
  return open(sessionOf(await send("/api/v1/setup", { token, username, password })));
}

async function send(path: string, sent: object): Promise<SessionAnswer> {
  const response = await watchedFetch(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(sent),
  });
  if (!response.ok) throw problemOf(await response.json().catch(() => null), response);
  return (await response.json()) as SessionAnswer;
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

function sessionOf({ user, csrf_token }: SessionAnswer): Session {
  return { user, csrfToken: csrf_token };
}
