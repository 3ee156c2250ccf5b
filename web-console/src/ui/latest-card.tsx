import { Button, Table, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import type { Schemas } from "../api/client";
import type { LiveReading } from "../api/live";
import { latestQuery, seriesOfDeviceQuery } from "../api/queries";
import { formatReading, seriesName } from "../lib/names";
import { Tone } from "./badges";
import { Card } from "./page";
import { Empty, Loaded } from "./states";
import { Ago } from "./when";

type Series = Schemas["Series"];
type Latest = Schemas["Latest"];

interface LatestProps {
  deviceId: number;
  /** The newest live reading of a series, if any came. */
  liveOf: (seriesId: number) => LiveReading | undefined;
  /** Left out for who may not change a series. */
  onEdit?: (seriesId: number) => void;
}

/** The newest value of each series of a device. */
export function LatestCard({ deviceId, liveOf, onEdit }: LatestProps) {
  const latest = useQuery(latestQuery(deviceId));
  const series = useQuery(seriesOfDeviceQuery(deviceId));
  const known = new Map(series.data?.items.map((each) => [each.id, each]));
  return (
    <Card title="Latest values">
      <Loaded query={latest}>
        {({ items }) =>
          items.length === 0 ? (
            <Empty title="It has sent no reading yet" />
          ) : (
            <Table aria-label="Latest values" horizontalSpacing={6}>
              <Table.Thead>
                <Table.Tr>
                  <Table.Th>Metric</Table.Th>
                  <Table.Th className="right">Value</Table.Th>
                  <Table.Th>Measured</Table.Th>
                  {onEdit && <Table.Td w={64} />}
                </Table.Tr>
              </Table.Thead>
              <Table.Tbody>
                {items.map((entry) => (
                  <LatestRow
                    key={entry.series_id}
                    entry={entry}
                    series={known.get(entry.series_id)}
                    live={liveOf(entry.series_id)}
                    onEdit={onEdit}
                  />
                ))}
              </Table.Tbody>
            </Table>
          )
        }
      </Loaded>
    </Card>
  );
}

interface RowProps {
  entry: Latest;
  series?: Series;
  live?: LiveReading;
  onEdit?: (seriesId: number) => void;
}

function LatestRow({ entry, series, live, onEdit }: RowProps) {
  const newer = live && live.time_us / 1000 >= Date.parse(entry.time) ? live : null;
  const name = series ? seriesName(series) : entry.metric;
  return (
    <Table.Tr>
      <Table.Th scope="row" miw={96} style={{ overflowWrap: "anywhere" }}>
        {name}
      </Table.Th>
      <Table.Td className="right wrap" miw={64}>
        {formatReading(newer?.value ?? entry.text ?? entry.value, series ?? { ...entry, precision: null })}
      </Table.Td>
      <Table.Td>
        <Ago at={newer ? newer.time_us / 1000 : entry.time} />
        {!newer && entry.stale && (
          <Text size="xs" component="div">
            <Tone tone="warn">stale</Tone>
          </Text>
        )}
      </Table.Td>
      {onEdit && (
        <Table.Td>
          <Button
            size="compact-xs"
            variant="default"
            aria-label={`Edit ${name}`}
            onClick={() => onEdit(entry.series_id)}
          >
            Edit
          </Button>
        </Table.Td>
      )}
    </Table.Tr>
  );
}
