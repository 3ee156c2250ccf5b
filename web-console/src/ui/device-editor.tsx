import { Button, Group, NativeSelect, Stack, Text, Textarea, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import type { FormEvent } from "react";
import type { Schemas } from "../api/client";
import { changeDevice, deviceQuery } from "../api/queries";
import { INTERVAL_UNITS, type IntervalUnit, intervalOf, secondsOf } from "../lib/interval";
import { Problem } from "./states";

type Device = Schemas["Device"];

interface DeviceEditorProps {
  device: Device;
  /** All of the device. */
  series: Schemas["Series"][];
  onDone: () => void;
}

/** What people say of a device. */
export function DeviceEditor({ device, series, onDone }: DeviceEditorProps) {
  const queries = useQueryClient();
  const change = useMutation({
    mutationFn: (to: Schemas["DeviceChange"]) => changeDevice(device.id, to),
    onSuccess: (changed) => {
      queries.setQueryData(deviceQuery(device.id).queryKey, changed);
      // What is silent or stale depends on the interval.
      for (const key of ["devices", "latest", "overview"])
        void queries.invalidateQueries({ queryKey: [key] });
      onDone();
    },
  });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    change.mutate(changeOf(new FormData(event.currentTarget)));
  };
  return (
    <form onSubmit={submit}>
      <Stack>
        <TextInput
          name="label"
          label="Label"
          placeholder={device.name}
          maxLength={200}
          defaultValue={device.label ?? ""}
        />
        <Textarea
          name="note"
          label="Note"
          autosize
          minRows={2}
          maxLength={4000}
          defaultValue={device.note ?? ""}
        />
        <IntervalFields seconds={device.expected_interval_s} />
        <MainMetric chosen={device.main_metric} series={series} />
        <Group justify="space-between">
          <Button type="submit" loading={change.isPending}>
            Save
          </Button>
          <Button
            variant="default"
            loading={change.isPending}
            onClick={() => change.mutate({ archived: !device.archived })}
          >
            {device.archived ? "Take out of the archive" : "Archive"}
          </Button>
        </Group>
        {change.isError && <Problem error={change.error} />}
        <Text size="sm" c="dimmed">
          An archived device is never silent, and what it sends is stored all the same.
        </Text>
      </Stack>
    </form>
  );
}

function MainMetric({ chosen, series }: { chosen: string | null; series: Schemas["Series"][] }) {
  const numbers = series.filter(({ kind }) => kind === "number").map(({ metric }) => metric);
  const metrics = new Set([...numbers, ...(chosen === null ? [] : [chosen])]);
  return (
    <NativeSelect
      name="main_metric"
      label="Main metric"
      description="Drawn small in the list of devices"
      data={[{ value: "", label: "the first number" }, ...[...metrics].sort()]}
      defaultValue={chosen ?? ""}
    />
  );
}

function IntervalFields({ seconds }: { seconds: number | null }) {
  const interval = seconds === null ? null : intervalOf(seconds);
  return (
    <Group align="end" gap="xs" role="group" aria-label="It is expected to send">
      <TextInput
        name="count"
        label="It sends every"
        description="Silent after twice as long; empty: never"
        type="number"
        min={1}
        step={1}
        inputMode="numeric"
        flex={1}
        defaultValue={interval?.count ?? ""}
      />
      <NativeSelect
        name="unit"
        aria-label="Unit of the interval"
        data={INTERVAL_UNITS}
        defaultValue={interval?.unit ?? "minutes"}
      />
    </Group>
  );
}

function changeOf(given: FormData): Schemas["DeviceChange"] {
  const text = (name: string) => String(given.get(name)).trim();
  const interval = { count: Number(text("count")), unit: text("unit") as IntervalUnit };
  return {
    label: text("label") || null,
    note: text("note") || null,
    expected_interval_s: text("count") ? secondsOf(interval) : null,
    main_metric: String(given.get("main_metric")) || null,
  };
}
