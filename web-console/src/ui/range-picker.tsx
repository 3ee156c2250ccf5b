import { Button, Group, Popover, Stack, Text, TextInput } from "@mantine/core";
import { type FormEvent, useState } from "react";
import { absolute, changed, isFollowing, momentMs, PRESETS, type Range } from "../lib/range";
import { formatMoment, toLocalInput, viewerZone } from "../lib/time";

interface Props {
  range: Range;
  onChange: (range: Range) => void;
}

/** Ranges that end now, ranges between two moments, and the ways from one to another. */
export function RangePicker({ range, onChange }: Props) {
  const change = (how: Parameters<typeof changed>[2]) => onChange(changed(range, Date.now(), how));
  return (
    <Group gap="xs">
      <Button.Group>
        {PRESETS.map(({ label, from }) => {
          const chosen = isFollowing(range) && range.from === from;
          return (
            <Button
              key={from}
              size="xs"
              px={8}
              variant={chosen ? "filled" : "default"}
              aria-pressed={chosen}
              onClick={() => onChange({ from, to: "now" })}
            >
              {label}
            </Button>
          );
        })}
      </Button.Group>
      <Absolute range={range} onChange={onChange} />
      <Button.Group>
        <Button
          size="xs"
          px={10}
          variant="default"
          aria-label="Earlier"
          onClick={() => change({ move: -0.5 })}
        >
          ←
        </Button>
        <Button
          size="xs"
          px={10}
          variant="default"
          aria-label="Zoom out"
          onClick={() => change({ scale: 2 })}
        >
          −
        </Button>
        <Button
          size="xs"
          px={10}
          variant="default"
          aria-label="Zoom in"
          onClick={() => change({ scale: 0.5 })}
        >
          +
        </Button>
        <Button size="xs" px={10} variant="default" aria-label="Later" onClick={() => change({ move: 0.5 })}>
          →
        </Button>
      </Button.Group>
    </Group>
  );
}

function Absolute({ range, onChange }: Props) {
  const [open, setOpen] = useState(false);
  const [error, setError] = useState("");
  const now = Date.now();
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const given = new FormData(event.currentTarget);
    const [from, to] = ["from", "to"].map((name) => new Date(String(given.get(name))).getTime());
    if (from === undefined || to === undefined || !(from < to))
      return setError("The end has to be after the start.");
    setError("");
    setOpen(false);
    onChange(absolute(from, to));
  };
  const field = (name: "from" | "to", label: string) => (
    <TextInput
      name={name}
      label={label}
      type="datetime-local"
      step={1}
      required
      withAsterisk={false}
      defaultValue={toLocalInput(momentMs(range[name], now))}
    />
  );
  return (
    <Popover opened={open} onChange={setOpen} trapFocus withArrow>
      <Popover.Target>
        <Button size="xs" variant={isFollowing(range) ? "default" : "filled"} onClick={() => setOpen(!open)}>
          {isFollowing(range) ? "From … to …" : spanText(range, now)}
        </Button>
      </Popover.Target>
      <Popover.Dropdown>
        <form onSubmit={submit}>
          <Stack gap="xs">
            {field("from", "From")}
            {field("to", "To")}
            <Text size="xs" c="dimmed">
              In {viewerZone}
            </Text>
            {error && (
              <Text size="sm" className="bad" role="alert">
                {error}
              </Text>
            )}
            <Button type="submit" size="xs">
              Show
            </Button>
          </Stack>
        </form>
      </Popover.Dropdown>
    </Popover>
  );
}

function spanText(range: Range, now: number): string {
  return `${formatMoment(momentMs(range.from, now))} – ${formatMoment(momentMs(range.to, now))}`;
}
