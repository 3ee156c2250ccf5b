import { Button, Stack, Text, Textarea } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { tryRule } from "../api/quarantine";
import { sourceQuery } from "../api/queries";
import { ruleFor } from "../lib/rules";
import { Problem } from "./states";
import { TrialResult } from "./trial";

/** Another rule, tried on a message before it is written into sens.yaml. Nothing is stored. */
export function TryRule({ id, topic, source }: { id: number; topic: string; source: string }) {
  const [written, setWritten] = useState<string | null>(null);
  const inForce = ruleFor(useQuery(sourceQuery(source)).data?.configuration ?? null, topic);
  const rule = written ?? inForce ?? `topic: ${JSON.stringify(topic)}\ndecoder: json\n`;
  const trial = useMutation({ mutationFn: () => tryRule(id, rule) });
  return (
    <Stack gap="xs">
      <Textarea
        label="Try another rule"
        description={`${inForce === null ? "As" : "First the one in force, as"} under topics: in sens.yaml. Nothing is stored.`}
        autosize
        minRows={3}
        value={rule}
        onChange={(event) => setWritten(event.currentTarget.value)}
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
