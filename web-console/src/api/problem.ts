/** An answer of the API that is no success: problem details (RFC 9457). */
export class ApiProblem extends Error {
  constructor(
    readonly status: number,
    readonly title: string,
    readonly detail: string,
    readonly requestId?: string,
  ) {
    super(detail || title);
  }
}

/** The API did not answer at all, or something between us and it did. */
export class Unreachable extends Error {}

export function problemOf(body: unknown, response: Response): ApiProblem {
  const given = (typeof body === "object" && body !== null ? body : {}) as Record<string, unknown>;
  const text = (name: string) => (typeof given[name] === "string" ? given[name] : "");
  const title = text("title") || `The server answered ${response.status}`;
  return new ApiProblem(response.status, title, text("detail"), text("request_id") || undefined);
}

/** Whether asking again soon may help: the server is away, or one behind it is. */
export function isPassing(error: unknown): boolean {
  return error instanceof Unreachable || (error instanceof ApiProblem && error.status >= 502);
}
