import { Code, Group, Stack, Table, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import type { Schemas } from "../api/client";
import { ledgerQuery, sourceQuery, sourcesQuery } from "../api/queries";
import { formatCount, formatRate } from "../lib/numbers";
import type { Rate } from "../lib/rates";
import { SourceBadge } from "../ui/badges";
import { LinkAnchor } from "../ui/links";
import { Card, Page } from "../ui/page";
import { Empty, Loaded } from "../ui/states";
import { useRates } from "../ui/use-rates";
import { Ago, Moment } from "../ui/when";

export function SourcesPage() {
  const sources = useQuery(sourcesQuery);
  const ledger = useQuery(ledgerQuery);
  const rates = useRates(ledger);
  return (
    <Page title="Sources">
      <Text size="sm" c="dimmed">
        Brokers and topics are declared in <Code>sens.yaml</Code>, and changed there.
      </Text>
      <Loaded query={sources} rows={5}>
        {({ items }) =>
          items.length === 0 ? (
            <Card>
              <Empty title="No source is declared">Name your brokers and topics in sens.yaml.</Empty>
            </Card>
          ) : (
            items.map((source) => (
              <SourceCard key={source.name} source={source} rate={rates.of(source.name)} />
            ))
          )
        }
      </Loaded>
    </Page>
  );
}

function SourceCard({ source, rate }: { source: Schemas["Source"]; rate: Rate | null }) {
  return (
    <Card title={source.name} aside={<SourceBadge state={source.state} />}>
      <Group gap="lg" mb="sm">
        <Text size="sm">
          <LinkAnchor to="/devices" search={{ source: source.name }}>
            {formatCount(source.devices)} devices
          </LinkAnchor>
        </Text>
        <Text size="sm">
          <LinkAnchor to="/quarantine" search={{ source: source.name }}>
            its quarantine
          </LinkAnchor>
        </Text>
        <Text size="sm">
          {formatRate(rate?.messages ?? null)} messages and {formatRate(rate?.readings ?? null)} readings a
          second
        </Text>
        <Text size="sm">
          First message <Moment at={source.first_seen_at} />
        </Text>
        {!source.declared && (
          <Text size="sm" className="warn">
            no longer declared in sens.yaml
          </Text>
        )}
      </Group>
      {source.sessions.length === 0 ? (
        <Text size="sm" c="dimmed">
          No worker has told anything of it.
        </Text>
      ) : (
        <Stack gap="xs">
          {source.sessions.map((each) => (
            <SessionFacts key={`${each.session} ${each.instance}`} session={each} />
          ))}
        </Stack>
      )}
      {source.declared && <Piece name={source.name} />}
    </Card>
  );
}

/** Its lines of sens.yaml, asked for when one opens them. */
function Piece({ name }: { name: string }) {
  const [open, setOpen] = useState(false);
  const source = useQuery({ ...sourceQuery(name), enabled: open });
  return (
    <details onToggle={({ currentTarget }) => setOpen(currentTarget.open)}>
      <summary>Its piece of sens.yaml</summary>
      <Loaded query={source} rows={4}>
        {({ configuration }) => (
          <Code block tabIndex={0} className="bytes" mt="xs">
            {configuration ?? "The API has read no lines of it."}
          </Code>
        )}
      </Loaded>
    </details>
  );
}

function SessionFacts({ session }: { session: Schemas["Session"] }) {
  return (
    <Table verticalSpacing={4} aria-label={`Session ${session.session}`}>
      <Table.Tbody>
        <Fact name="Broker">
          <Code>{session.broker}</Code>
        </Fact>
        <Fact name="Topics">
          {session.topics.map((topic) => (
            <Code key={topic} mr={6}>
              {topic}
            </Code>
          ))}
        </Fact>
        <Fact name="State">
          <SourceBadge state={session.state} /> since <Ago at={session.since} />
        </Fact>
        <Fact name="Received">
          {formatCount(session.received_messages)} messages since the worker took it over
        </Fact>
        <Fact name="Worker">{session.instance}</Fact>
        {session.warnings.length > 0 && (
          <Fact name="Warnings">
            {session.warnings.map((warning) => (
              <div key={warning} className="warn">
                {warning}
              </div>
            ))}
          </Fact>
        )}
        <Fact name="Last error">
          {session.last_error ? <span className="bad">{session.last_error}</span> : "none"}
        </Fact>
      </Table.Tbody>
    </Table>
  );
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <Table.Tr>
      <Table.Th scope="row" w={110}>
        {name}
      </Table.Th>
      <Table.Td style={{ overflowWrap: "anywhere" }}>{children}</Table.Td>
    </Table.Tr>
  );
}
