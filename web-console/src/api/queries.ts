import { queryOptions } from "@tanstack/react-query";
import { api, body, type Schemas } from "./client";

const OFTEN_MS = 5000;
const SELDOM_MS = 30_000;

export interface DeviceFilter {
  source?: string;
  prefix?: string;
  cursor?: string;
}

export interface QuarantineFilter {
  source?: string;
  reason?: Schemas["Reason"];
  state?: Schemas["QuarantineCount"]["state"];
  cursor?: string;
}

export const ledgerQuery = queryOptions({
  queryKey: ["ledger"],
  queryFn: ({ signal }) => body(api.GET("/api/v1/ledger", { signal })),
  refetchInterval: OFTEN_MS,
});

export const overviewQuery = queryOptions({
  queryKey: ["overview"],
  queryFn: ({ signal }) => body(api.GET("/api/v1/overview", { signal })),
  refetchInterval: SELDOM_MS,
});

export const sourcesQuery = queryOptions({
  queryKey: ["sources"],
  queryFn: ({ signal }) => body(api.GET("/api/v1/sources", { params: { query: { limit: 1000 } }, signal })),
  refetchInterval: OFTEN_MS,
});

export const versionQuery = queryOptions({
  queryKey: ["version"],
  queryFn: ({ signal }) => body(api.GET("/version", { signal })),
  staleTime: Number.POSITIVE_INFINITY,
});

export const devicesQuery = (filter: DeviceFilter, limit = 100) =>
  queryOptions({
    queryKey: ["devices", filter, limit],
    queryFn: ({ signal }) =>
      body(api.GET("/api/v1/devices", { params: { query: { ...filter, limit } }, signal })),
    refetchInterval: SELDOM_MS,
  });

export const deviceQuery = (id: number) =>
  queryOptions({
    queryKey: ["device", id],
    queryFn: ({ signal }) =>
      body(api.GET("/api/v1/devices/{device_id}", { params: { path: { device_id: id } }, signal })),
  });

export const messagesOfDeviceQuery = (id: number) =>
  queryOptions({
    queryKey: ["device", id, "messages"],
    queryFn: ({ signal }) =>
      body(api.GET("/api/v1/devices/{device_id}/messages", { params: { path: { device_id: id } }, signal })),
  });

export const latestQuery = (deviceId: number) =>
  queryOptions({
    queryKey: ["latest", deviceId],
    queryFn: ({ signal }) =>
      body(api.GET("/api/v1/latest", { params: { query: { device_id: deviceId } }, signal })),
    refetchInterval: SELDOM_MS,
  });

export const seriesOfDeviceQuery = (deviceId: number) =>
  queryOptions({
    queryKey: ["series", "of", deviceId],
    queryFn: ({ signal }) =>
      body(api.GET("/api/v1/series", { params: { query: { device_id: deviceId, limit: 1000 } }, signal })),
  });

export const seriesQuery = (ids: readonly number[]) =>
  queryOptions({
    queryKey: ["series", ids],
    queryFn: ({ signal }) =>
      body(api.GET("/api/v1/series", { params: { query: { id: [...ids], limit: 1000 } }, signal })),
    enabled: ids.length > 0,
    placeholderData: (before) => before,
  });

/** Readings of one series; `from` and `to` as the API takes them: `now-1h` or RFC 3339. */
export const readingsQuery = (seriesId: number, from: string, to: string, everyMs: number | false) =>
  queryOptions({
    queryKey: ["readings", seriesId, from, to],
    queryFn: ({ signal }) =>
      body(
        api.GET("/api/v1/series/{series_id}/readings", {
          params: { path: { series_id: seriesId }, query: { from, to, resolution: "auto", limit: 5000 } },
          signal,
        }),
      ),
    refetchInterval: everyMs,
    placeholderData: (before) => (before?.series_id === seriesId ? before : undefined),
  });

export const quarantineSummaryQuery = queryOptions({
  queryKey: ["quarantine", "summary"],
  queryFn: ({ signal }) => body(api.GET("/api/v1/quarantine/summary", { signal })),
  refetchInterval: OFTEN_MS,
});

export const overflowQuery = queryOptions({
  queryKey: ["quarantine", "overflow"],
  queryFn: ({ signal }) => body(api.GET("/api/v1/quarantine/overflow", { signal })),
  refetchInterval: SELDOM_MS,
});

export const quarantineQuery = (filter: QuarantineFilter) =>
  queryOptions({
    queryKey: ["quarantine", "list", filter],
    queryFn: ({ signal }) =>
      body(api.GET("/api/v1/quarantine", { params: { query: { ...filter, limit: 100 } }, signal })),
    refetchInterval: OFTEN_MS,
    placeholderData: (before) => before,
  });

export const quarantinedQuery = (id: number) =>
  queryOptions({
    queryKey: ["quarantine", "entry", id],
    queryFn: ({ signal }) =>
      body(
        api.GET("/api/v1/quarantine/{quarantine_id}", { params: { path: { quarantine_id: id } }, signal }),
      ),
  });

export const replayQuarantined = (id: number) =>
  body(api.POST("/api/v1/quarantine/{quarantine_id}/replay", { params: { path: { quarantine_id: id } } }));

export const discardQuarantined = (id: number) =>
  body(api.POST("/api/v1/quarantine/{quarantine_id}/discard", { params: { path: { quarantine_id: id } } }));

export const tryRule = (id: number, rule: string | null) =>
  body(
    api.POST("/api/v1/quarantine/{quarantine_id}/try", {
      params: { path: { quarantine_id: id } },
      body: { rule },
    }),
  );
