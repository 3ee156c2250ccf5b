import { Alert, Table, Text } from "@mantine/core";
import type { Schemas } from "../api/client";
import { formatValue } from "../lib/numbers";
import { formatMoment } from "../lib/time";

/** What would become of a message: its readings, or why there are none. */
export function TrialResult({ trial }: { trial: Schemas["Trial"] }) {
  if (trial.outcome !== "decoded") {
    return (
      <Alert color="yellow" variant="outline" title={`${trial.outcome}: ${trial.reason}`}>
        <Text size="sm">{trial.detail || trial.meaning}</Text>
      </Alert>
    );
  }
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so the keyboard has to reach it
    <section className="scroll" tabIndex={0} aria-label="What would be stored">
      <Table aria-label="Its readings" verticalSpacing={4} className="stacked">
        <Table.Thead>
          <Table.Tr>
            <Table.Th>Device</Table.Th>
            <Table.Th>Metric</Table.Th>
            <Table.Th className="right">Value</Table.Th>
            <Table.Th>Time</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {trial.readings.map((reading) => (
            <Table.Tr key={`${reading.device} ${reading.metric} ${reading.time}`}>
              <Table.Td miw={120} data-name="Device" style={{ overflowWrap: "anywhere" }}>
                {reading.device}
              </Table.Td>
              <Table.Td miw={160} data-name="Metric" style={{ overflowWrap: "anywhere" }}>
                {reading.metric}
              </Table.Td>
              <Table.Td className="right" miw={64} data-name="Value">
                {shown(reading.value)} {reading.unit}
              </Table.Td>
              <Table.Td className="nowrap" data-name="Time">
                {formatMoment(reading.time)}
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </section>
  );
}

export function shown(value: number | string | boolean): string {
  return typeof value === "number" ? formatValue(value) : String(value);
}
