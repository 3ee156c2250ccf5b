import { Button, Checkbox, Group, Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import type { Schemas } from "../api/client";
import { searchedSeriesQuery } from "../api/queries";
import { seriesName } from "../lib/names";
import { SearchInput } from "./search-input";
import { Side } from "./side";
import { Empty, Loading, Problem } from "./states";

/** Choose series by parts of their names and their devices'. */
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
  // The API finds what has the first word in some name, also in the label of its device.
  const [first, ...words] = text.toLowerCase().split(/\s+/).filter(Boolean);
  const series = useQuery(searchedSeriesQuery(first));
  if (series.isPending) return <Loading rows={6} />;
  if (series.isError) return <Problem error={series.error} />;
  const fit = series.data.items.filter(
    (each) =>
      each.kind !== "text" &&
      words.every((word) => `${each.device} ${seriesName(each)} ${each.metric}`.toLowerCase().includes(word)),
  );
  if (fit.length === 0)
    return <Empty title="Nothing fits">Write a part of a device's or a metric's name.</Empty>;
  return (
    <>
      <Stack gap={6} style={{ maxHeight: "60dvh", overflowY: "auto" }} role="group" aria-label="Series">
        {fit.map((each) => (
          <Choice key={each.id} series={each} {...choice} />
        ))}
      </Stack>
      <Text size="xs" c="dimmed">
        {series.data.next_cursor
          ? "There are more; write more of a name to see others."
          : `${fit.length} series.`}
      </Text>
    </>
  );
}

function Choice({ series, chosen, max, onChange }: { series: Schemas["Series"] } & Omit<FoundProps, "text">) {
  const { id, device, unit } = series;
  return (
    <Checkbox
      label={`${device} ${seriesName(series)}${unit ? ` (${unit})` : ""}`}
      checked={chosen.includes(id)}
      disabled={chosen.length >= max && !chosen.includes(id)}
      onChange={({ currentTarget }) =>
        onChange(currentTarget.checked ? [...chosen, id] : chosen.filter((each) => each !== id))
      }
    />
  );
}
