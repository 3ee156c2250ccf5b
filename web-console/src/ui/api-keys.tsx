import { Button, Code, Group, NativeSelect, Table, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import type { FormEvent } from "react";
import { apiKeysQuery, createApiKey, revokeApiKey } from "../api/accounts";
import type { Schemas } from "../api/client";
import { Tone } from "./badges";
import { ConfirmButton } from "./confirm-button";
import { Card } from "./page";
import { ShownOnce } from "./shown-once";
import { Empty, Loaded, Problem } from "./states";
import { Moment } from "./when";

type Key = Schemas["ApiKey"];
const DAY_MS = 86_400_000;

/** Keys for programs: made, shown once, revoked. */
export function ApiKeys() {
  const keys = useQuery(apiKeysQuery);
  return (
    <Card>
      <Loaded query={keys}>
        {({ items }) => (
          <>
            <NewKey />
            {items.length === 0 ? <Empty title="No key was made yet" /> : <KeyTable keys={items} />}
          </>
        )}
      </Loaded>
    </Card>
  );
}

function NewKey() {
  const queries = useQueryClient();
  const create = useMutation({
    mutationFn: createApiKey,
    onSuccess: () => queries.invalidateQueries({ queryKey: apiKeysQuery.queryKey }),
  });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = event.currentTarget;
    const given = new FormData(form);
    const days = Number(given.get("days"));
    create.mutate(
      {
        name: String(given.get("name")).trim(),
        scope: String(given.get("scope")) as Schemas["NewApiKey"]["scope"],
        expires_at: days ? new Date(Date.now() + days * DAY_MS).toISOString() : null,
      },
      { onSuccess: () => form.reset() },
    );
  };
  return (
    <>
      <form onSubmit={submit}>
        <Group align="end" mb="sm">
          <TextInput name="name" label="Name" placeholder="grafana" required maxLength={100} />
          <NativeSelect name="scope" label="Scope" data={["read", "operate", "admin"]} />
          <NativeSelect
            name="days"
            label="Expires"
            data={[
              { value: "90", label: "in 90 days" },
              { value: "365", label: "in a year" },
              { value: "0", label: "never" },
            ]}
          />
          <Button type="submit" loading={create.isPending}>
            Make a key
          </Button>
        </Group>
      </form>
      {create.isError && <Problem error={create.error} />}
      {create.data && (
        <ShownOnce title={`The key ${create.data.name}, shown this once`} secret={create.data.key} />
      )}
    </>
  );
}

function KeyTable({ keys }: { keys: Key[] }) {
  return (
    <div className="scroll">
      <Table aria-label="API keys" className="stacked">
        <Table.Thead>
          <Table.Tr>
            {["Name", "Scope", "Begins with", "Made", "Expires", "State"].map((name) => (
              <Table.Th key={name}>{name}</Table.Th>
            ))}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {keys.map((key) => (
            <KeyRow key={key.id} apiKey={key} />
          ))}
        </Table.Tbody>
      </Table>
    </div>
  );
}

function KeyRow({ apiKey }: { apiKey: Key }) {
  return (
    <Table.Tr>
      <Table.Th scope="row">{apiKey.name}</Table.Th>
      <Table.Td data-name="Scope">{apiKey.scope}</Table.Td>
      <Table.Td data-name="Begins with">
        <Code>sens_{apiKey.prefix}</Code>
      </Table.Td>
      <Table.Td data-name="Made">
        <Moment at={apiKey.created_at} />
      </Table.Td>
      <Table.Td data-name="Expires">
        <Moment at={apiKey.expires_at} />
      </Table.Td>
      <Table.Td data-name="State">
        {apiKey.revoked_at ? (
          <Tone tone="bad">revoked</Tone>
        ) : apiKey.expires_at && Date.parse(apiKey.expires_at) <= Date.now() ? (
          <Tone tone="warn">expired</Tone>
        ) : (
          <Revoke apiKey={apiKey} />
        )}
      </Table.Td>
    </Table.Tr>
  );
}

function Revoke({ apiKey }: { apiKey: Key }) {
  const queries = useQueryClient();
  const revoke = useMutation({
    mutationFn: () => revokeApiKey(apiKey.id),
    onSuccess: () => queries.invalidateQueries({ queryKey: apiKeysQuery.queryKey }),
  });
  if (revoke.isError) return <Problem error={revoke.error} />;
  return (
    <ConfirmButton
      act="Revoke"
      subject={apiKey.name}
      pending={revoke.isPending}
      onConfirm={() => revoke.mutate()}
    />
  );
}
