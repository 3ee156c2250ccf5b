import { Button, Checkbox, Group, Stack, Text } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
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
            label="Parts of names of device, metric or source"
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
  const series = useInfiniteQuery(searchedSeriesQuery(text.trim() || undefined));
  if (series.isPending) return <Loading rows={6} />;
  if (series.isError) return <Problem error={series.error} />;
  const fit = series.data.pages.flatMap((page) => page.items).filter((each) => each.kind !== "text");
  if (fit.length === 0)
    return <Empty title="Nothing fits">Write a part of a device's or a metric's name.</Empty>;
  return (
    <>
      <Stack gap={6} style={{ maxHeight: "60dvh", overflowY: "auto" }} role="group" aria-label="Series">
        {fit.map((each) => (
          <Choice key={each.id} series={each} {...choice} />
        ))}
      </Stack>
      {series.hasNextPage ? (
        <Button
          size="xs"
          variant="default"
          loading={series.isFetchingNextPage}
          onClick={() => void series.fetchNextPage()}
        >
          Show more than these {fit.length}
        </Button>
      ) : (
        <Text size="xs" c="dimmed">
          {fit.length} series.
        </Text>
      )}
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
