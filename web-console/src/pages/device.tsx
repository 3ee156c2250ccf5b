import { Group, Table, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useState } from "react";
import type { Schemas } from "../api/client";
import type { LiveReading } from "../api/live";
import { deviceQuery, latestQuery, seriesOfDeviceQuery } from "../api/queries";
import { formatValue } from "../lib/numbers";
import { LiveBadge } from "../ui/badges";
import { DeviceMessagesCard } from "../ui/device-messages";
import { LinkAnchor, LinkButton } from "../ui/links";
import { LiveChart } from "../ui/live-chart";
import { Card, Page } from "../ui/page";
import { Empty, Loaded } from "../ui/states";
import { useLive } from "../ui/use-live";
import { Ago, Moment, useNow } from "../ui/when";

const route = getRouteApi("/inside/devices/$id");
const MAX_CHARTS = 12;
/** Of one series; what is older is asked for again before so many have come. */
const MAX_KEPT = 2000;

export function DevicePage() {
  const device = useQuery(deviceQuery(Number(route.useParams().id)));
  return (
    <Loaded query={device} rows={8}>
      {(found) => <KnownDevice key={found.id} device={found} />}
    </Loaded>
  );
}

type BySeries = ReadonlyMap<number, readonly LiveReading[]>;

function KnownDevice({ device }: { device: Schemas["Device"] }) {
  const [live, setLive] = useState<BySeries>(new Map());
  const state = useLive(device, (readings) => setLive((before) => added(before, readings)));
  const series = useQuery(seriesOfDeviceQuery(device.id));
  const numeric = series.data?.items.filter(({ kind }) => kind !== "text") ?? [];
  const ids = numeric.slice(0, MAX_CHARTS).map(({ id }) => id);
  return (
    <Page
      title={device.name}
      actions={
        ids.length > 0 && (
          <LinkButton to="/explore" search={{ series: ids.join(","), from: "now-24h" }} size="xs">
            Explore its series
          </LinkButton>
        )
      }
    >
      <Group gap="lg">
        <LiveBadge state={state} />
        <Text size="sm">
          Source{" "}
          <LinkAnchor to="/devices" search={{ source: device.source }}>
            {device.source}
          </LinkAnchor>
        </Text>
        <Text size="sm">
          First seen <Moment at={device.created_at} />
        </Text>
      </Group>
      <LatestCard deviceId={device.id} live={live} />
      <Charts series={numeric} live={live} />
      <DeviceMessagesCard deviceId={device.id} />
    </Page>
  );
}

function added(before: BySeries, readings: readonly LiveReading[]): BySeries {
  const after = new Map(before);
  for (const reading of readings) {
    after.set(reading.series_id, [...(after.get(reading.series_id) ?? []), reading].slice(-MAX_KEPT));
  }
  return after;
}

function LatestCard({ deviceId, live }: { deviceId: number; live: BySeries }) {
  const latest = useQuery(latestQuery(deviceId));
  return (
    <Card title="Latest values">
      <Loaded query={latest}>
        {({ items }) =>
          items.length === 0 ? (
            <Empty title="It has sent no reading yet" />
          ) : (
            <Table aria-label="Latest values">
              <Table.Thead>
                <Table.Tr>
                  <Table.Th>Metric</Table.Th>
                  <Table.Th className="right">Value</Table.Th>
                  <Table.Th>Measured</Table.Th>
                </Table.Tr>
              </Table.Thead>
              <Table.Tbody>
                {items.map((entry) => (
                  <LatestRow key={entry.series_id} entry={entry} live={live.get(entry.series_id)?.at(-1)} />
                ))}
              </Table.Tbody>
            </Table>
          )
        }
      </Loaded>
    </Card>
  );
}

function LatestRow({ entry, live }: { entry: Schemas["Latest"]; live?: LiveReading }) {
  const newer = live && live.time_us / 1000 >= Date.parse(entry.time) ? live : null;
  const value = newer?.value ?? entry.text ?? entry.value;
  return (
    <Table.Tr>
      <Table.Th scope="row" style={{ overflowWrap: "anywhere" }}>
        {entry.metric}
      </Table.Th>
      <Table.Td className="right">
        {typeof value === "string" ? value : shown(value, entry.kind)} {entry.unit}
      </Table.Td>
      <Table.Td>
        <Ago at={newer ? newer.time_us / 1000 : entry.time} />
      </Table.Td>
    </Table.Tr>
  );
}

function shown(value: number | null, kind: Schemas["KindName"]): string {
  return kind === "boolean" && value !== null ? (value ? "true" : "false") : formatValue(value);
}

function Charts({ series, live }: { series: Schemas["Series"][]; live: BySeries }) {
  const now = useNow(2000);
  const none: readonly LiveReading[] = NONE;
  return (
    <>
      <div className="cards">
        {series.slice(0, MAX_CHARTS).map((each, index) => (
          <LiveChart key={each.id} series={each} live={live.get(each.id) ?? none} color={index} nowMs={now} />
        ))}
      </div>
      {series.length > MAX_CHARTS && (
        <Text size="sm" c="dimmed">
          Charts of the first {MAX_CHARTS} of {series.length} series; choose others in Explore.
        </Text>
      )}
    </>
  );
}

const NONE: readonly LiveReading[] = [];
