import { Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import type { Schemas } from "../api/client";
import { overviewQuery } from "../api/queries";
import { ratesOf } from "../lib/intake";
import { formatCount } from "../lib/numbers";
import { curveColor } from "../theme";
import { Chart, type Drawn } from "./chart";
import { Card } from "./page";
import { Empty, Loaded } from "./states";

const DAY_S = 86_400;

/** What came in over the last day, by ten minutes. */
export function IntakeCard() {
  const overview = useQuery(overviewQuery);
  return (
    <Card title="The last 24 hours">
      <Loaded query={overview} rows={6}>
        {({ intake }) =>
          intake.time_us.length === 0 ? (
            <Empty title="Nothing came in" />
          ) : (
            <IntakeChart intake={intake} nowS={overview.dataUpdatedAt / 1000} />
          )
        }
      </Loaded>
    </Card>
  );
}

function IntakeChart({ intake, nowS }: { intake: Schemas["IntakeColumns"]; nowS: number }) {
  const drawn: Drawn[] = useMemo(
    () => [
      { label: "messages", unit: "/s", color: curveColor(0), curve: ratesOf(intake, intake.messages, nowS) },
      { label: "readings", unit: "/s", color: curveColor(1), curve: ratesOf(intake, intake.readings, nowS) },
    ],
    [intake, nowS],
  );
  const [messages, readings] = [sum(intake.messages), sum(intake.readings)];
  const told = `${formatCount(messages)} messages and ${formatCount(readings)} stored readings in the last 24 hours`;
  return (
    <>
      <Chart label={told} drawn={drawn} fromS={nowS - DAY_S} toS={nowS} height={200} />
      <Text size="sm">
        <Dot color={curveColor(0)} /> {formatCount(messages)} messages and <Dot color={curveColor(1)} />{" "}
        {formatCount(readings)} stored readings
      </Text>
    </>
  );
}

function Dot({ color }: { color: string }) {
  return (
    <span aria-hidden style={{ color }}>
      ●
    </span>
  );
}

function sum(counts: readonly number[]): number {
  return counts.reduce((a, b) => a + b, 0);
}
