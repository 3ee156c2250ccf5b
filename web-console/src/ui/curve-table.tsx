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
  const names =
    cursorS === null
      ? { value: "Last", before: "Mean before" }
      : { value: formatMoment(cursorS * 1000), before: "Before" };
  return (
    <div className="scroll">
      <Table mt="md" verticalSpacing={4} className="numbers stacked" aria-label="Figures of the curves">
        <Table.Thead>
          <Table.Tr>
            <Table.Th>Series</Table.Th>
            <Table.Th>{names.value}</Table.Th>
            {compared && <Table.Th>{names.before}</Table.Th>}
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
              names={names}
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
  names: { value: string; before: string };
}

function CurveRow({ plotted, compared, names, cursorS, onRemove }: RowProps) {
  const { curve, earlier, label, color, series } = plotted;
  // Not again wherever the cursor moves: these look through all points.
  const figures = useMemo(() => extremesOf(curve), [curve]);
  const before = useMemo(() => earlier && extremesOf(earlier)?.mean, [earlier]);
  const at = (of: typeof curve) => (cursorS === null ? undefined : of.value[nearest(of.time, cursorS)]);
  const cell = (name: string, value: number | null | undefined) => (
    <Table.Td className="nowrap" data-name={name}>
      {formatReading(value, { ...series, kind: "number" })}
    </Table.Td>
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
      {cell(names.value, cursorS === null ? figures?.last : at(curve))}
      {compared && cell(names.before, cursorS === null ? before : earlier && at(earlier))}
      {cell("Least", figures?.min)}
      {cell("Mean", figures?.mean)}
      {cell("Most", figures?.max)}
    </Table.Tr>
  );
}
