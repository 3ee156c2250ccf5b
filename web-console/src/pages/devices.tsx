import { Group, Table } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import type { Schemas } from "../api/client";
import { devicesQuery } from "../api/queries";
import { LinkAnchor } from "../ui/links";
import { Card, Page } from "../ui/page";
import { Pager } from "../ui/pager";
import { SearchInput } from "../ui/search-input";
import { SourceSelect } from "../ui/source-select";
import { Empty, Loaded } from "../ui/states";
import { Ago } from "../ui/when";

const route = getRouteApi("/inside/devices");

export function DevicesPage() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const devices = useQuery(devicesQuery(search));
  return (
    <Page title="Devices">
      <Group align="end" gap="sm">
        <SearchInput
          label="Search"
          placeholder="Name begins with …"
          value={search.prefix ?? ""}
          onSearch={(prefix) =>
            void navigate({ search: { source: search.source, prefix: prefix || undefined } })
          }
        />
        <SourceSelect
          value={search.source}
          onChange={(source) => void navigate({ search: { prefix: search.prefix, source } })}
        />
      </Group>
      <Card>
        <Loaded query={devices} rows={8}>
          {({ items, next_cursor }) =>
            items.length === 0 ? (
              <NoDevices searched={Boolean(search.prefix || search.source)} />
            ) : (
              <>
                <DeviceTable devices={items} />
                <Pager cursor={search.cursor} next={next_cursor} />
              </>
            )
          }
        </Loaded>
      </Card>
    </Page>
  );
}

function NoDevices({ searched }: { searched: boolean }) {
  if (searched)
    return <Empty title="No device fits">Search for the beginning of a name, in another source.</Empty>;
  return (
    <Empty title="No device has sent anything yet">
      A device appears with the first message that can be decoded. Nothing of it here? Look at the{" "}
      <LinkAnchor to="/sources">sources</LinkAnchor> and into{" "}
      <LinkAnchor to="/quarantine">quarantine</LinkAnchor>.
    </Empty>
  );
}

function DeviceTable({ devices }: { devices: Schemas["Device"][] }) {
  return (
    <div className="scroll">
      <Table highlightOnHover>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>Device</Table.Th>
            <Table.Th visibleFrom="sm">Source</Table.Th>
            <Table.Th>Newest reading</Table.Th>
            <Table.Th className="right" visibleFrom="sm">
              Series
            </Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {devices.map((device) => (
            <Table.Tr key={device.id}>
              <Table.Th scope="row">
                <LinkAnchor to="/devices/$id" params={{ id: String(device.id) }}>
                  {device.name}
                </LinkAnchor>
              </Table.Th>
              <Table.Td visibleFrom="sm">{device.source}</Table.Td>
              <Table.Td>
                <Ago at={device.last_seen} />
              </Table.Td>
              <Table.Td className="right" visibleFrom="sm">
                {device.series}
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </div>
  );
}
