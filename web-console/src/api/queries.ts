import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import type { Range } from "../lib/range";
import { bucketZone } from "../lib/time";
import { api, body, type Schemas } from "./client";

const OFTEN_MS = 5000;
const SELDOM_MS = 30_000;

export interface DeviceFilter {
  source?: string;
  q?: string;
  silent?: boolean;
  archived?: boolean;
  sort?: Schemas["DeviceSort"];
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

/** One source, with its piece of the configuration. */
export const sourceQuery = (name: string) =>
  queryOptions({
    queryKey: ["source", name],
    queryFn: ({ signal }) =>
      body(api.GET("/api/v1/sources/{source}", { params: { path: { source: name } }, signal })),
  });

export const versionQuery = queryOptions({
  queryKey: ["version"],
  queryFn: ({ signal }) => body(api.GET("/version", { signal })),
  staleTime: Number.POSITIVE_INFINITY,
});

/** A page of devices: as many as their readings can be asked for at once. */
export const devicesQuery = (filter: DeviceFilter, limit = 50) =>
  queryOptions({
    queryKey: ["devices", filter, limit],
    queryFn: ({ signal }) =>
      body(api.GET("/api/v1/devices", { params: { query: { ...filter, limit } }, signal })),
    refetchInterval: SELDOM_MS,
    placeholderData: (before) => before,
  });

export const deviceQuery = (id: number) =>
  queryOptions({
    queryKey: ["device", id],
    queryFn: ({ signal }) =>
      body(api.GET("/api/v1/devices/{device_id}", { params: { path: { device_id: id } }, signal })),
    refetchInterval: SELDOM_MS,
  });

export const messagesOfDeviceQuery = (id: number) =>
  queryOptions({
    queryKey: ["device", id, "messages"],
    queryFn: ({ signal }) =>
      body(api.GET("/api/v1/devices/{device_id}/messages", { params: { path: { device_id: id } }, signal })),
    refetchInterval: SELDOM_MS,
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

/** Series whose names hold all words, page after page. */
export const searchedSeriesQuery = (q: string | undefined) =>
  infiniteQueryOptions({
    queryKey: ["series", "search", q],
    queryFn: ({ signal, pageParam: cursor }) =>
      body(api.GET("/api/v1/series", { params: { query: { q, cursor, limit: 100 } }, signal })),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    placeholderData: (before) => before,
  });

export const seriesQuery = (ids: readonly number[]) =>
  queryOptions({
    queryKey: ["series", ids],
    queryFn: ({ signal }) =>
      body(api.GET("/api/v1/series", { params: { query: { id: [...ids], limit: 1000 } }, signal })),
    enabled: ids.length > 0,
    placeholderData: (before) => before,
  });

/** The last day of each series, by the hour. */
export const sparklinesQuery = (ids: readonly number[]) =>
  queryOptions({
    queryKey: ["sparklines", ids],
    queryFn: ({ signal }) =>
      body(
        api.GET("/api/v1/readings", {
          params: { query: { series: [...ids], from: "now-24h", to: "now", resolution: "1h" } },
          signal,
        }),
      ),
    enabled: ids.length > 0,
    refetchInterval: 60_000,
  });

/** Readings of several series in one answer; `from` and `to` as the API takes them: `now-1h` or RFC 3339. */
export const readingsQuery = (ids: readonly number[], { from, to }: Range, everyMs: number | false) =>
  queryOptions({
    queryKey: ["readings", ids, from, to],
    queryFn: ({ signal }) =>
      body(
        api.GET("/api/v1/readings", {
          params: { query: { series: [...ids], from, to, resolution: "auto", time_zone: bucketZone } },
          signal,
        }),
      ),
    enabled: ids.length > 0,
    refetchInterval: everyMs,
  });

export const changeDevice = (id: number, change: Schemas["DeviceChange"]) =>
  body(api.PATCH("/api/v1/devices/{device_id}", { params: { path: { device_id: id } }, body: change }));

export const changeSeries = (id: number, change: Schemas["SeriesChange"]) =>
  body(api.PATCH("/api/v1/series/{series_id}", { params: { path: { series_id: id } }, body: change }));
