import { Button, Group, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useState } from "react";
import type { Schemas } from "../api/client";
import { ofDevice } from "../api/live";
import { deviceQuery, seriesOfDeviceQuery } from "../api/queries";
import { may, session } from "../api/session";
import { useStore } from "../api/store";
import { formatInterval } from "../lib/interval";
import { deviceName, seriesName } from "../lib/names";
import { added, type BySeries } from "../lib/window";
import { LiveBadge, Tone } from "../ui/badges";
import { DeviceEditor } from "../ui/device-editor";
import { DeviceMessagesCard } from "../ui/device-messages";
import { LatestCard } from "../ui/latest-card";
import { LinkAnchor, LinkButton } from "../ui/links";
import { LiveCharts } from "../ui/live-charts";
import { Page } from "../ui/page";
import { SeriesEditor } from "../ui/series-editor";
import { Side } from "../ui/side";
import { Loaded } from "../ui/states";
import { useLive } from "../ui/use-live";
import { Moment } from "../ui/when";

const route = getRouteApi("/inside/devices/$id");
/** Of one device at once, in Explore. */
const MAX_EXPLORED = 20;

type Device = Schemas["Device"];
type Series = Schemas["Series"];

export function DevicePage() {
  const device = useQuery(deviceQuery(Number(route.useParams().id)));
  return (
    <Loaded query={device} rows={8}>
      {(found) => <KnownDevice key={found.id} device={found} />}
    </Loaded>
  );
}

function KnownDevice({ device }: { device: Device }) {
  const navigate = route.useNavigate();
  const allowed = may(useStore(session), "operate");
  const [live, setLive] = useState<BySeries>(new Map());
  const state = useLive(ofDevice(device.id), (readings) => setLive((before) => added(before, readings)));
  const series = useQuery(seriesOfDeviceQuery(device.id)).data?.items ?? [];
  const numeric = series.filter(({ kind }) => kind !== "text");
  const edit = (what: string | undefined) => void navigate({ search: { edit: what }, replace: true });
  return (
    <Page
      title={deviceName(device)}
      actions={
        <Group gap="xs">
          {numeric.length > 0 && <ExploreButton series={numeric} />}
          {allowed && (
            <Button size="xs" variant="default" onClick={() => edit("device")}>
              Edit
            </Button>
          )}
        </Group>
      }
    >
      <Facts device={device}>
        <LiveBadge state={state} />
      </Facts>
      <LatestCard
        deviceId={device.id}
        liveOf={(id) => live.get(id)?.at(-1)}
        onEdit={allowed ? (id) => edit(String(id)) : undefined}
      />
      <LiveCharts series={numeric} live={live} />
      <DeviceMessagesCard deviceId={device.id} />
      <EditorSide device={device} series={series} onClose={() => edit(undefined)} />
    </Page>
  );
}

function ExploreButton({ series }: { series: Series[] }) {
  const ids = series.slice(0, MAX_EXPLORED).map(({ id }) => id);
  return (
    <LinkButton to="/explore" search={{ series: ids.join(","), from: "now-24h" }} size="xs">
      Explore its series
    </LinkButton>
  );
}

function Facts({ device, children }: { device: Device; children: React.ReactNode }) {
  const { label, name, source, note, expected_interval_s: interval, silent, archived } = device;
  return (
    <>
      <Group gap="lg">
        {children}
        {silent && <Tone tone="bad">silent</Tone>}
        {archived && <Tone tone="dimmed">archived</Tone>}
        {label && <Text size="sm">{name}</Text>}
        <Text size="sm">
          Source{" "}
          <LinkAnchor to="/devices" search={{ source }}>
            {source}
          </LinkAnchor>
        </Text>
        {interval !== null && <Text size="sm">Expected {formatInterval(interval)}</Text>}
        <Text size="sm">
          First seen <Moment at={device.created_at} />
        </Text>
      </Group>
      {note && (
        <Text size="sm" className="wrap" maw={720}>
          {note}
        </Text>
      )}
    </>
  );
}

interface EditorProps {
  device: Device;
  series: Series[];
  onClose: () => void;
}

/** What is edited stands in the address: the device, or a series by its id. */
function EditorSide({ device, series, onClose }: EditorProps) {
  const { edit } = route.useSearch();
  const one = series.find(({ id }) => String(id) === edit);
  return (
    <Side
      title={one ? seriesName(one) : deviceName(device)}
      opened={edit === "device" || one !== undefined}
      onClose={onClose}
    >
      {one ? (
        <SeriesEditor key={one.id} series={one} onDone={onClose} />
      ) : (
        <DeviceEditor device={device} series={series} onDone={onClose} />
      )}
    </Side>
  );
}
