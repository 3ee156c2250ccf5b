import { Group, NativeSelect } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import type { Schemas } from "../api/client";
import { type DeviceFilter, devicesQuery } from "../api/queries";
import { DeviceTable } from "../ui/device-table";
import { LinkAnchor } from "../ui/links";
import { Card, Page } from "../ui/page";
import { Pager } from "../ui/pager";
import { SearchInput } from "../ui/search-input";
import { SourceSelect } from "../ui/source-select";
import { Empty, Loaded } from "../ui/states";

const route = getRouteApi("/inside/devices");

/** What can be chosen, as the API is asked for it. */
const SHOWN = {
  active: { archived: false },
  silent: { silent: true },
  archived: { archived: true },
  all: {},
} satisfies Record<string, DeviceFilter>;
type Shown = keyof typeof SHOWN;

const isShown = (text: string | undefined): text is Shown => text !== undefined && text in SHOWN;
const isSort = (text: string | undefined): text is Schemas["DeviceSort"] =>
  text === "last_seen" || text === "-last_seen";

export function DevicesPage() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const show = isShown(search.show) ? search.show : "active";
  const sort = isSort(search.sort) ? search.sort : "name";
  const { source, q, cursor } = search;
  const devices = useQuery(devicesQuery({ source, q, cursor, sort, ...SHOWN[show] }));
  const set = (change: Partial<typeof search>) =>
    void navigate({ search: { ...search, cursor: undefined, ...change } });
  return (
    <Page title="Devices">
      <Group align="end" gap="sm">
        <SearchInput
          label="Search"
          placeholder="Part of a name or label"
          value={q ?? ""}
          onSearch={(text) => set({ q: text || undefined })}
        />
        <SourceSelect value={source} onChange={(chosen) => set({ source: chosen })} />
        <NativeSelect
          label="Show"
          value={show}
          data={Object.keys(SHOWN)}
          onChange={({ currentTarget: { value } }) => set({ show: value === "active" ? undefined : value })}
        />
      </Group>
      <Card>
        <Loaded query={devices} rows={8}>
          {({ items, next_cursor }) => (
            <>
              {items.length > 0 ? (
                <DeviceTable devices={items} sort={sort} />
              ) : (
                <NoDevices show={show} searched={Boolean(q || source)} />
              )}
              <Pager cursor={cursor} next={next_cursor} />
            </>
          )}
        </Loaded>
      </Card>
    </Page>
  );
}

function NoDevices({ show, searched }: { show: Shown; searched: boolean }) {
  if (show === "silent")
    return (
      <Empty title="No device is silent">
        A device is silent when it sent nothing for twice as long as is expected of it. Say on its page how
        often it sends.
      </Empty>
    );
  if (searched || show === "archived")
    return <Empty title="No device fits">Search for another part of the name, in another source.</Empty>;
  return (
    <Empty title="No device has sent anything yet">
      A device appears with the first message that can be decoded. Nothing of it here? Look at the{" "}
      <LinkAnchor to="/sources">sources</LinkAnchor> and into{" "}
      <LinkAnchor to="/quarantine">quarantine</LinkAnchor>.
    </Empty>
  );
}
