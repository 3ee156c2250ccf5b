import { Alert, Button, Skeleton, Stack, Text } from "@mantine/core";
import type { UseQueryResult } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { ApiProblem } from "../api/problem";

/** What a query brought, or its loading or error. What is there already stays while it is asked for again. */
export function Loaded<T>({
  query,
  rows = 3,
  children,
}: {
  query: UseQueryResult<T>;
  rows?: number;
  children: (data: T) => ReactNode;
}) {
  if (query.data !== undefined) return children(query.data);
  if (query.isError) return <Problem error={query.error} retry={() => void query.refetch()} />;
  return <Loading rows={rows} />;
}

export function Loading({ rows }: { rows: number }) {
  return (
    <Stack gap="xs" role="status" aria-label="Loading">
      {Array.from({ length: rows }, (_, row) => `row ${row}`).map((row) => (
        <Skeleton key={row} height={28} />
      ))}
    </Stack>
  );
}

export function Problem({ error, retry }: { error: unknown; retry?: () => void }) {
  const known = error instanceof ApiProblem ? error : null;
  const forbidden = known?.status === 403;
  return (
    <Alert color="red" variant="outline" title={known?.title ?? "This did not work"} role="alert">
      <Text size="sm">{known?.detail ?? (error instanceof Error ? error.message : String(error))}</Text>
      {known?.requestId && (
        <Text size="xs" c="dimmed" mt={4}>
          Request {known.requestId}, as in the API's log
        </Text>
      )}
      {retry && !forbidden && (
        <Button size="xs" variant="default" mt="sm" onClick={retry}>
          Try again
        </Button>
      )}
    </Alert>
  );
}

export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <Stack align="center" gap={4} py="xl" ta="center">
      <Text fw={600}>{title}</Text>
      <Text size="sm" c="dimmed" maw={520} component="div">
        {children}
      </Text>
    </Stack>
  );
}
