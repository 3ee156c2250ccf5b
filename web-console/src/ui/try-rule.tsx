import { Button, Stack, Text, Textarea } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { tryRule } from "../api/quarantine";
import { Problem } from "./states";
import { TrialResult } from "./trial";

/** Another rule, tried on a message before it is written into sens.yaml. Nothing is stored. */
export function TryRule({ id, topic }: { id: number; topic: string }) {
  const [rule, setRule] = useState(`topic: ${JSON.stringify(topic)}\ndecoder: json\n`);
  const trial = useMutation({ mutationFn: () => tryRule(id, rule) });
  return (
    <Stack gap="xs">
      <Textarea
        label="Try another rule"
        description="As under topics: in sens.yaml. Nothing is stored."
        autosize
        minRows={3}
        value={rule}
        onChange={(event) => setRule(event.currentTarget.value)}
        styles={{ input: { fontFamily: "monospace" } }}
      />
      <div>
        <Button size="xs" variant="default" loading={trial.isPending} onClick={() => trial.mutate()}>
          Try it
        </Button>
      </div>
      {trial.error && <Problem error={trial.error} />}
      {trial.data && <TrialResult trial={trial.data} />}
      {trial.data?.outcome === "decoded" && (
        <Text size="sm" c="dimmed">
          Write the rule into sens.yaml, restart the telemetry worker, then replay.
        </Text>
      )}
    </Stack>
  );
}
