import { queryOptions } from "@tanstack/react-query";
import { api, body, done, type Schemas } from "./client";

export interface AuditSearch {
  actor?: string;
  action?: string;
  object_kind?: Schemas["AuditEntry"]["object_kind"];
  cursor?: string;
}

export const apiKeysQuery = queryOptions({
  queryKey: ["api-keys"],
  queryFn: ({ signal }) => body(api.GET("/api/v1/api-keys", { params: { query: { limit: 1000 } }, signal })),
});

export const usersQuery = queryOptions({
  queryKey: ["users"],
  queryFn: ({ signal }) => body(api.GET("/api/v1/users", { params: { query: { limit: 1000 } }, signal })),
});

export const auditQuery = (search: AuditSearch) =>
  queryOptions({
    queryKey: ["audit", search],
    queryFn: ({ signal }) =>
      body(api.GET("/api/v1/audit", { params: { query: { ...search, limit: 50 } }, signal })),
    placeholderData: (before) => before,
  });

export const createApiKey = (key: Schemas["NewApiKey"]) => body(api.POST("/api/v1/api-keys", { body: key }));

export const revokeApiKey = (id: number) =>
  body(api.DELETE("/api/v1/api-keys/{key_id}", { params: { path: { key_id: id } } }));

export const createUser = (user: Schemas["NewUser"]) => body(api.POST("/api/v1/users", { body: user }));

export const changeUser = (id: number, change: Schemas["UserChange"]) =>
  body(api.PATCH("/api/v1/users/{user_id}", { params: { path: { user_id: id } }, body: change }));

export const deleteUser = (id: number) =>
  done(api.DELETE("/api/v1/users/{user_id}", { params: { path: { user_id: id } } }));

/** A link that logs the user in, once and within ten minutes. */
export const createLoginLink = (username: string) =>
  body(api.POST("/api/v1/login-links", { body: { username } }));

export const changeOwnPassword = (change: Schemas["PasswordChange"]) =>
  done(api.POST("/api/v1/session/password", { body: change }));
