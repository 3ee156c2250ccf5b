import { Button, Stack, Text, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import type { FormEvent } from "react";
import type { Schemas } from "../api/client";
import { changeSeries } from "../api/queries";
import { Problem } from "./states";

type Series = Schemas["Series"];

/** How a series is shown. */
export function SeriesEditor({ series, onDone }: { series: Series; onDone: () => void }) {
  const queries = useQueryClient();
  const change = useMutation({
    mutationFn: (to: Schemas["SeriesChange"]) => changeSeries(series.id, to),
    onSuccess: async () => {
      await Promise.all([["series"], ["latest"]].map((queryKey) => queries.invalidateQueries({ queryKey })));
      onDone();
    },
  });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    change.mutate(changeOf(new FormData(event.currentTarget), series));
  };
  return (
    <form onSubmit={submit}>
      <Stack>
        <TextInput
          name="display_name"
          label="Name"
          placeholder={series.metric}
          maxLength={200}
          defaultValue={series.display_name ?? ""}
        />
        <TextInput
          name="unit"
          label="Unit shown"
          description={series.unit_sent ? `It sends ${series.unit_sent}; no value is converted` : undefined}
          maxLength={32}
          defaultValue={series.unit}
        />
        <TextInput
          name="precision"
          label="Decimal places"
          description="Empty: as many as there are"
          type="number"
          min={0}
          max={15}
          step={1}
          inputMode="numeric"
          defaultValue={series.precision ?? ""}
        />
        <div>
          <Button type="submit" loading={change.isPending}>
            Save
          </Button>
        </div>
        {change.isError && <Problem error={change.error} />}
        <Text size="sm" c="dimmed">
          Its metric is {series.metric}, as sent.
        </Text>
      </Stack>
    </form>
  );
}

function changeOf(given: FormData, { unit_sent }: Series): Schemas["SeriesChange"] {
  const text = (name: string) => String(given.get(name)).trim();
  return {
    display_name: text("display_name") || null,
    unit: text("unit") === unit_sent ? null : text("unit"),
    precision: text("precision") ? Number(text("precision")) : null,
  };
}
