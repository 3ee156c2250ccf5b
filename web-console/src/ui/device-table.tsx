import { Table, Text } from "@mantine/core";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import type { Schemas } from "../api/client";
import { sparklinesQuery } from "../api/queries";
import { deviceName } from "../lib/names";
import { Tone } from "./badges";
import { LinkAnchor } from "./links";
import { Sparkline } from "./sparkline";
import { Ago } from "./when";

type Device = Schemas["Device"];
type Sort = Schemas["DeviceSort"];

interface TableProps {
  devices: Device[];
  sort: Sort;
}

/** Devices in rows, each with how its first metric went; a heading sorts by what stands under it. */
export function DeviceTable({ devices, sort }: TableProps) {
  return (
    <div className="scroll">
      <Table highlightOnHover aria-label="Devices" className="stacked">
        <Table.Thead>
          <Table.Tr>
            <Table.Th aria-sort={sort === "name" ? "ascending" : undefined}>
              <SortLink sort={undefined} active={sort === "name" && "↓"}>
                Device
              </SortLink>
            </Table.Th>
            <Table.Th>Source</Table.Th>
            <Table.Th aria-sort={NEWEST_SORT[sort]}>
              <SortLink
                sort={sort === "-last_seen" ? "last_seen" : "-last_seen"}
                active={sort !== "name" && (sort === "-last_seen" ? "↓" : "↑")}
              >
                Newest reading
              </SortLink>
            </Table.Th>
            <Table.Th>24 hours</Table.Th>
            <Table.Th className="right">Series</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Rows devices={devices} />
      </Table>
    </div>
  );
}

const NEWEST_SORT = { name: undefined, last_seen: "ascending", "-last_seen": "descending" } as const;

interface SortLinkProps {
  sort: Sort | undefined;
  active: string | false;
  children: string;
}

function SortLink({ sort, active, children }: SortLinkProps) {
  return (
    <LinkAnchor to="/devices" search={(search) => ({ ...search, sort, cursor: undefined })} c="inherit">
      {children} {active && <span aria-hidden="true">{active}</span>}
    </LinkAnchor>
  );
}

function Rows({ devices }: { devices: Device[] }) {
  const ids = devices.flatMap(({ main_series_id: id }) => (id === null ? [] : [id]));
  // Those of the page before stay until the ones of this are there: most are the same where it is only asked again.
  const { data } = useQuery({ ...sparklinesQuery(ids), placeholderData: keepPreviousData });
  const bySeries = new Map(data?.series.map((each) => [each.series_id, each]));
  const [fromUs, toUs] = [1000 * Date.parse(data?.from ?? ""), 1000 * Date.parse(data?.to ?? "")];
  return (
    <Table.Tbody>
      {devices.map((device) => (
        <Table.Tr key={device.id}>
          <Table.Th scope="row" style={{ overflowWrap: "anywhere" }}>
            <DeviceCell device={device} />
          </Table.Th>
          <Table.Td data-name="Source">{device.source}</Table.Td>
          <Table.Td data-name="Newest reading">
            <div>
              <Ago at={device.last_seen} />
              {device.silent && (
                <Text size="xs" component="div">
                  <Tone tone="bad">silent</Tone>
                </Text>
              )}
            </div>
          </Table.Td>
          <Table.Td data-name="24 hours">
            <Sparkline
              readings={bySeries.get(device.main_series_id ?? 0)}
              fromUs={fromUs}
              toUs={toUs}
              stepUs={SPARK_STEP_US}
            />
          </Table.Td>
          <Table.Td className="right" data-name="Series">
            {device.series}
          </Table.Td>
        </Table.Tr>
      ))}
    </Table.Tbody>
  );
}

/** As `sparklinesQuery` asks. */
const SPARK_STEP_US = 3_600e6;

function DeviceCell({ device }: { device: Device }) {
  return (
    <>
      <LinkAnchor to="/devices/$id" params={{ id: String(device.id) }}>
        {deviceName(device)}
      </LinkAnchor>
      {device.label && (
        <Text size="xs" c="dimmed" fw={400}>
          {device.name}
        </Text>
      )}
    </>
  );
}
