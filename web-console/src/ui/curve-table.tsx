import { Button, Table } from "@mantine/core";
import { useMemo } from "react";
import { formatReading } from "../lib/names";
import { extremesOf, nearest } from "../lib/plot";
import { formatMoment } from "../lib/time";
import type { Plotted } from "./plotted";

interface CurveTableProps {
  plotted: Plotted[];
  cursorS: number | null;
  onRemove: (id: number) => void;
}

/** The figures of each curve, and its value where the cursor is. */
export function CurveTable({ plotted, cursorS, onRemove }: CurveTableProps) {
  const compared = plotted.some(({ earlier }) => earlier);
  return (
    <div className="scroll">
      <Table mt="md" verticalSpacing={4} className="numbers" aria-label="Figures of the curves">
        <Table.Thead>
          <Table.Tr>
            <Table.Th>Series</Table.Th>
            <Table.Th>{cursorS === null ? "Last" : formatMoment(cursorS * 1000)}</Table.Th>
            {compared && <Table.Th>{cursorS === null ? "Mean before" : "Before"}</Table.Th>}
            <Table.Th>Least</Table.Th>
            <Table.Th>Mean</Table.Th>
            <Table.Th>Most</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {plotted.map((each) => (
            <CurveRow
              key={each.series.id}
              plotted={each}
              compared={compared}
              cursorS={cursorS}
              onRemove={onRemove}
            />
          ))}
        </Table.Tbody>
      </Table>
    </div>
  );
}

interface RowProps extends Omit<CurveTableProps, "plotted"> {
  plotted: Plotted;
  compared: boolean;
}

function CurveRow({ plotted, compared, cursorS, onRemove }: RowProps) {
  const { curve, earlier, label, color, series } = plotted;
  // Not again wherever the cursor moves: these look through all points.
  const figures = useMemo(() => extremesOf(curve), [curve]);
  const before = useMemo(() => earlier && extremesOf(earlier)?.mean, [earlier]);
  const at = (of: typeof curve) => (cursorS === null ? undefined : of.value[nearest(of.time, cursorS)]);
  const cell = (value: number | null | undefined) => (
    <Table.Td className="nowrap">{formatReading(value, { ...series, kind: "number" })}</Table.Td>
  );
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
      {cell(cursorS === null ? figures?.last : at(curve))}
      {compared && cell(cursorS === null ? before : earlier && at(earlier))}
      {cell(figures?.min)}
      {cell(figures?.mean)}
      {cell(figures?.max)}
    </Table.Tr>
  );
}
