import { Table } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { devicesQuery } from "../api/queries";
import { formatInterval } from "../lib/interval";
import { deviceName } from "../lib/names";
import { LinkAnchor } from "./links";
import { Card } from "./page";
import { Ago } from "./when";

const MOST = 5;

/** The devices that went silent last; nothing while none is. */
export function SilentCard() {
  const { data } = useQuery(devicesQuery({ silent: true, sort: "-last_seen" }, MOST));
  if (!data || data.items.length === 0) return null;
  return (
    <Card
      title="Went silent"
      aside={
        <LinkAnchor to="/devices" search={{ show: "silent", sort: "-last_seen" }} inherit={false} size="sm">
          All that are silent
        </LinkAnchor>
      }
    >
      <Table aria-label="Went silent" className="stacked">
        <Table.Thead>
          <Table.Tr>
            <Table.Th>Device</Table.Th>
            <Table.Th>Newest reading</Table.Th>
            <Table.Th>Expected</Table.Th>
            <Table.Th>Source</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {data.items.map((device) => (
            <Table.Tr key={device.id}>
              <Table.Th scope="row" style={{ overflowWrap: "anywhere" }}>
                <LinkAnchor to="/devices/$id" params={{ id: String(device.id) }}>
                  {deviceName(device)}
                </LinkAnchor>
              </Table.Th>
              <Table.Td data-name="Newest reading">
                <Ago at={device.last_seen} />
              </Table.Td>
              <Table.Td data-name="Expected">{formatInterval(device.expected_interval_s ?? 0)}</Table.Td>
              <Table.Td data-name="Source">{device.source}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Card>
  );
}
