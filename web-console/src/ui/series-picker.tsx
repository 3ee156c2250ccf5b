import { Button, Checkbox, Group, Stack, Text } from "@mantine/core";
import { useQueries, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import type { Schemas } from "../api/client";
import { devicesQuery, seriesOfDeviceQuery } from "../api/queries";
import { SearchInput } from "./search-input";
import { Side } from "./side";
import { Empty, Loading } from "./states";

const DEVICES = 12;

/** Choose series by the beginning of a device's name and, after a space, a part of the metric's. */
export function SeriesPicker({ chosen, max, onChange }: Omit<FoundProps, "text">) {
  const [open, setOpen] = useState(false);
  const [text, setText] = useState("");
  return (
    <>
      <Button size="xs" onClick={() => setOpen(true)}>
        Choose series
      </Button>
      <Side title="Choose series" opened={open} onClose={() => setOpen(false)}>
        <Stack>
          <SearchInput
            label="Device, then metric"
            placeholder="boiler temp"
            value={text}
            onSearch={setText}
          />
          {open && <Found text={text} chosen={chosen} max={max} onChange={onChange} />}
          <Group justify="space-between">
            <Text size="sm">
              {chosen.length} of {max} chosen
            </Text>
            <Button size="xs" onClick={() => setOpen(false)}>
              Done
            </Button>
          </Group>
        </Stack>
      </Side>
    </>
  );
}

interface FoundProps {
  text: string;
  chosen: number[];
  max: number;
  onChange: (ids: number[]) => void;
}

function Found({ text, ...choice }: FoundProps) {
  const [prefix = "", ...words] = text.trim().split(/\s+/);
  const devices = useQuery(devicesQuery(prefix ? { prefix } : {}, DEVICES));
  const series = useQueries({
    queries: (devices.data?.items ?? []).map(({ id }) => seriesOfDeviceQuery(id)),
  });
  if (devices.isPending || series.some((each) => each.isPending)) return <Loading rows={6} />;
  const all = series.flatMap(({ data }) => data?.items ?? []);
  const fit = all.filter(
    ({ kind, metric }) => kind !== "text" && words.every((word) => metric.includes(word)),
  );
  if (fit.length === 0)
    return <Empty title="Nothing fits">Names of devices are found by how they begin.</Empty>;
  const more = devices.data?.next_cursor
    ? ` Of the first ${DEVICES} devices; type more of a name to see others.`
    : "";
  return (
    <>
      <Stack gap={6} style={{ maxHeight: "60dvh", overflowY: "auto" }} role="group" aria-label="Series">
        {fit.map((each) => (
          <Choice key={each.id} series={each} {...choice} />
        ))}
      </Stack>
      <Text size="xs" c="dimmed">
        {fit.length} series.{more}
      </Text>
    </>
  );
}

function Choice({ series, chosen, max, onChange }: { series: Schemas["Series"] } & Omit<FoundProps, "text">) {
  const { id, device, metric, unit } = series;
  return (
    <Checkbox
      label={`${device} ${metric}${unit ? ` (${unit})` : ""}`}
      checked={chosen.includes(id)}
      disabled={chosen.length >= max && !chosen.includes(id)}
      onChange={({ currentTarget }) =>
        onChange(currentTarget.checked ? [...chosen, id] : chosen.filter((each) => each !== id))
      }
    />
  );
}
