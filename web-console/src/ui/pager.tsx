import { Group } from "@mantine/core";
import { LinkButton } from "./links";

interface PagerProps {
  cursor?: string;
  next: string | null;
  /** What the next page has: the lists go on by name, or back in time. */
  nextLabel?: string;
}

/** From a page of a list to its next and back to its first; which one is shown stands in the address. */
export function Pager({ cursor, next, nextLabel = "Next page" }: PagerProps) {
  if (!cursor && !next) return null;
  return (
    <Group justify="end" mt="sm" gap="xs">
      {cursor && <PageLink cursor={undefined}>First page</PageLink>}
      {next && <PageLink cursor={next}>{nextLabel}</PageLink>}
    </Group>
  );
}

function PageLink({ cursor, children }: { cursor: string | undefined; children: string }) {
  return (
    <LinkButton to="." search={(search) => ({ ...search, cursor })} variant="default" size="xs">
      {children}
    </LinkButton>
  );
}
