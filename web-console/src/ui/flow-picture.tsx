import { Table, Text } from "@mantine/core";
import { type Band, bandsOf, type Share } from "../lib/flow";
import { formatCount, formatShare } from "../lib/numbers";

export interface FlowShare extends Share {
  color: string;
  help: string;
}

const ROW = 36;

/** A whole and what became of it: bands for the eye, the same as a table for everybody. */
export function FlowPicture({ whole, shares }: { whole: FlowShare; shares: FlowShare[] }) {
  const bands = bandsOf(shares, ROW);
  return (
    <div>
      <Text size="sm" mb={4}>
        <b style={{ fontSize: "1.25rem" }}>{formatCount(whole.count)}</b> {whole.name}
      </Text>
      <div style={{ display: "flex", alignItems: "flex-start" }}>
        <svg
          viewBox={`0 0 100 ${ROW * shares.length}`}
          preserveAspectRatio="none"
          className="flow"
          style={{ height: ROW * shares.length }}
          aria-hidden="true"
        >
          {bands.map((band, row) => (
            <path key={band.name} d={path(band)} fill={shares[row]?.color} opacity={0.85} />
          ))}
        </svg>
        <Table withRowBorders={false} verticalSpacing={0} aria-label={`What became of ${whole.name}`}>
          <Table.Tbody>
            {shares.map((share) => (
              <Table.Tr key={share.name} h={ROW} style={{ opacity: share.count === 0 ? 0.75 : 1 }}>
                <Table.Th scope="row" fw={share.count === 0 ? 400 : 600} title={share.help}>
                  {share.name}
                </Table.Th>
                <Table.Td className="right">{formatCount(share.count)}</Table.Td>
                <Table.Td className="right" visibleFrom="xs">
                  {formatShare(share.count, whole.count)}
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </div>
    </div>
  );
}

function path({ left: [top, bottom], right: [upper, lower] }: Band): string {
  return `M0 ${top}C50 ${top} 50 ${upper} 96 ${upper}V${lower}C50 ${lower} 50 ${bottom} 0 ${bottom}Z`;
}
