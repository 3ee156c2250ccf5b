import { Button, Group, NativeSelect, Table, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { type AuditSearch, auditQuery } from "../api/accounts";
import type { Schemas } from "../api/client";
import { actWords, changesOf } from "../lib/changes";
import { LinkAnchor } from "../ui/links";
import { Card } from "../ui/page";
import { Pager } from "../ui/pager";
import { SearchInput } from "../ui/search-input";
import { SettingsFrame } from "../ui/settings-frame";
import { Empty, Loaded } from "../ui/states";
import { Moment } from "../ui/when";

const route = getRouteApi("/inside/settings/audit");
type Entry = Schemas["AuditEntry"];

const KINDS: { value: Entry["object_kind"] | ""; label: string }[] = [
  { value: "", label: "anything" },
  { value: "device", label: "devices" },
  { value: "series", label: "series" },
  { value: "quarantine", label: "messages in quarantine" },
  { value: "source", label: "sources" },
  { value: "user", label: "users" },
  { value: "api_key", label: "API keys" },
];

/** Who changed what, when, and what it was before. */
export function AuditPage() {
  const search = route.useSearch() as AuditSearch;
  const navigate = route.useNavigate();
  const audit = useQuery(auditQuery(search));
  const set = (change: Partial<AuditSearch>) =>
    void navigate({ search: { ...search, cursor: undefined, ...change } });
  return (
    <SettingsFrame title="Audit">
      <Group align="end" gap="sm">
        <SearchInput
          label="Who"
          placeholder="Name of a user or key"
          value={search.actor ?? ""}
          onSearch={(actor) => set({ actor: actor || undefined })}
        />
        <NativeSelect
          label="Changed"
          data={KINDS}
          value={search.object_kind ?? ""}
          onChange={({ currentTarget }) =>
            set({ object_kind: (currentTarget.value || undefined) as AuditSearch["object_kind"] })
          }
        />
        {search.action && (
          <Button variant="default" onClick={() => set({ action: undefined })}>
            Only: {actWords(search.action)} ×
          </Button>
        )}
      </Group>
      <Card>
        <Loaded query={audit} rows={8}>
          {({ items, next_cursor }) => (
            <>
              {items.length === 0 ? <Empty title="Nothing fits" /> : <AuditTable entries={items} />}
              <Pager cursor={search.cursor} next={next_cursor} nextLabel="Older ones" />
            </>
          )}
        </Loaded>
      </Card>
    </SettingsFrame>
  );
}

function AuditTable({ entries }: { entries: Entry[] }) {
  return (
    <div className="scroll">
      <Table aria-label="Changes" verticalSpacing={6} className="stacked">
        <Table.Thead>
          <Table.Tr>
            {["When", "Who", "What", "Of", "Before → after"].map((name) => (
              <Table.Th key={name}>{name}</Table.Th>
            ))}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {entries.map((entry) => (
            <AuditRow key={entry.id} entry={entry} />
          ))}
        </Table.Tbody>
      </Table>
    </div>
  );
}

function AuditRow({ entry }: { entry: Entry }) {
  return (
    <Table.Tr style={{ verticalAlign: "top" }}>
      <Table.Td data-name="When">
        <Moment at={entry.at} />
      </Table.Td>
      <Table.Td data-name="Who">
        <div>
          <LinkAnchor to="/settings/audit" search={{ actor: entry.actor }}>
            {entry.actor}
          </LinkAnchor>
          <Text size="xs" c="dimmed">
            {entry.actor_kind === "api_key" ? "API key" : "user"}
          </Text>
        </div>
      </Table.Td>
      <Table.Td className="nowrap" data-name="What">
        <LinkAnchor to="/settings/audit" search={(before) => ({ ...before, action: entry.action })}>
          {actWords(entry.action)}
        </LinkAnchor>
      </Table.Td>
      <Table.Td data-name="Of">
        <Subject entry={entry} />
      </Table.Td>
      <Table.Td miw={220}>
        {changesOf(entry).map(({ field, before, after }) => (
          <Text key={field} size="sm" className="wrap">
            {field}: {before !== null && <s className="dimmed">{before}</s>}
            {before !== null && after !== null && " → "}
            {after}
          </Text>
        ))}
      </Table.Td>
    </Table.Tr>
  );
}

function Subject({ entry }: { entry: Entry }) {
  const id = String(entry.object_id);
  if (entry.object_kind === "device")
    return (
      <LinkAnchor to="/devices/$id" params={{ id }}>
        {entry.object}
      </LinkAnchor>
    );
  if (entry.object_kind === "series")
    return (
      <LinkAnchor to="/explore" search={{ series: id }}>
        {entry.object}
      </LinkAnchor>
    );
  return entry.object;
}
