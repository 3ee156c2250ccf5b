import { Code, Table, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { overflowQuery } from "../api/quarantine";
import { formatCount } from "../lib/numbers";
import { Card } from "./page";
import { Ago } from "./when";

/** What the quarantine had no room for: counted, with one sample of each topic and reason. */
export function Overflow() {
  const { data } = useQuery(overflowQuery);
  if (!data || data.items.length === 0) return null;
  return (
    <Card title="Beyond the room of the quarantine">
      <Text size="sm" c="dimmed" mb="xs">
        These were counted, and one sample of each was kept.
      </Text>
      <div className="scroll">
        <Table aria-label="Beyond the room of the quarantine" className="stacked">
          <Table.Thead>
            <Table.Tr>
              <Table.Th>Topic</Table.Th>
              <Table.Th>Reason</Table.Th>
              <Table.Th className="right">Messages</Table.Th>
              <Table.Th>Last</Table.Th>
              <Table.Th>Sample</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {data.items.map(({ source, topic, reason, count, last_at, sample }) => (
              <Table.Tr key={`${source} ${topic} ${reason}`}>
                <Table.Th scope="row">{topic}</Table.Th>
                <Table.Td data-name="Reason">{reason}</Table.Td>
                <Table.Td className="right" data-name="Messages">
                  {formatCount(count)}
                </Table.Td>
                <Table.Td data-name="Last">
                  <Ago at={last_at} />
                </Table.Td>
                <Table.Td data-name="Sample">
                  <Code>{sample.slice(0, 80)}</Code>
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </div>
    </Card>
  );
}
