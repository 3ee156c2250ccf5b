import { Alert, Button, Code, CopyButton, Group } from "@mantine/core";

/** A secret that nobody can look up again. */
export function ShownOnce({ title, secret }: { title: string; secret: string }) {
  return (
    <Alert color="green" variant="outline" title={title} mb="sm" role="status">
      <Group>
        <Code style={{ overflowWrap: "anywhere" }}>{secret}</Code>
        <CopyButton value={secret}>
          {({ copied, copy }) => (
            <Button size="compact-sm" variant="default" onClick={copy}>
              {copied ? "Copied" : "Copy"}
            </Button>
          )}
        </CopyButton>
      </Group>
    </Alert>
  );
}
