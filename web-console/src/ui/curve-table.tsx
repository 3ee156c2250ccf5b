import { Button, Table } from "@mantine/core";
import type { Schemas } from "../api/client";
import { formatValue } from "../lib/numbers";
import { type Curve, extremesOf, nearest, type Readings } from "../lib/plot";
import { formatMoment } from "../lib/time";
import type { Drawn } from "./chart";

export interface Plotted extends Drawn {
  series: Schemas["Series"];
  readings?: Readings;
  /** Of the period before, moved under this one. */
  earlier?: Curve;
}

/** The figures of each curve, and its value where the cursor is. */
export function CurveTable({
  plotted,
  cursorS,
  onRemove,
}: {
  plotted: Plotted[];
  cursorS: number | null;
  onRemove: (id: number) => void;
}) {
  const compared = plotted.some(({ earlier }) => earlier);
  return (
    <div className="scroll">
      <Table mt="md" verticalSpacing={4} className="numbers" aria-label="Figures of the curves">
        <Table.Thead>
          <Table.Tr>
            <Table.Th>Series</Table.Th>
            <Table.Th>{cursorS === null ? "Last" : formatMoment(cursorS * 1000)}</Table.Th>
            <Table.Th>Least</Table.Th>
            <Table.Th>Mean</Table.Th>
            <Table.Th>Most</Table.Th>
            {compared && <Table.Th>Mean before</Table.Th>}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {plotted.map((each) => (
            <CurveRow key={each.series.id} plotted={each} cursorS={cursorS} onRemove={onRemove} />
          ))}
        </Table.Tbody>
      </Table>
    </div>
  );
}

function CurveRow({
  plotted,
  cursorS,
  onRemove,
}: {
  plotted: Plotted;
  cursorS: number | null;
  onRemove: (id: number) => void;
}) {
  const { curve, earlier, label, unit, color, series } = plotted;
  const figures = extremesOf(curve);
  const at = cursorS === null ? figures?.last : curve.value[nearest(curve.time, cursorS)];
  const cell = (value: number | null | undefined) =>
    value === undefined ? "–" : `${formatValue(value)} ${unit}`;
  return (
    <Table.Tr>
      <Table.Th scope="row">
        <Button
          size="compact-xs"
          variant="default"
          mr={8}
          aria-label={`Remove ${label}`}
          onClick={() => onRemove(series.id)}
        >
          ×
        </Button>
        <span className="dot" style={{ color }} aria-hidden="true" />
        {label}
      </Table.Th>
      <Table.Td className="nowrap">{cell(at)}</Table.Td>
      <Table.Td className="nowrap">{cell(figures?.min)}</Table.Td>
      <Table.Td className="nowrap">{cell(figures?.mean)}</Table.Td>
      <Table.Td className="nowrap">{cell(figures?.max)}</Table.Td>
      {earlier && <Table.Td className="nowrap">{cell(extremesOf(earlier)?.mean)}</Table.Td>}
    </Table.Tr>
  );
}
