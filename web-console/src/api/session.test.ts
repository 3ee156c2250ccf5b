import { expect, test } from "vitest";
import { authHeaders, may } from "./session";

const user = (role: "viewer" | "operator" | "admin") => ({
  user: { id: 1, name: "ada", role },
  csrfToken: "secret",
});

test("a cookie's writes carry the token against forged requests, its reads do not", () => {
  expect(authHeaders(user("viewer"), "GET")).toEqual({});
  expect(authHeaders(user("viewer"), "POST")).toEqual({ "X-CSRF-Token": "secret" });
  expect(authHeaders({ apiKey: "sens_x" }, "POST")).toEqual({ Authorization: "Bearer sens_x" });
  expect(authHeaders(null, "POST")).toEqual({});
});

test("roles may what their scopes allow, and of a key only the API knows", () => {
  expect([
    may(user("viewer"), "operate"),
    may(user("operator"), "operate"),
    may(user("admin"), "operate"),
  ]).toEqual([false, true, true]);
  expect([may(user("operator"), "admin"), may(user("admin"), "admin")]).toEqual([false, true]);
  expect([may({ apiKey: "sens_x" }, "admin"), may(null, "operate")]).toEqual([true, false]);
});
