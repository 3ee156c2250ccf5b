import { Group } from "@mantine/core";
import type { ReactNode } from "react";
import { may, session } from "../api/session";
import { useStore } from "../api/store";
import { LinkButton } from "./links";
import { Page } from "./page";

const PARTS = [
  { to: "/settings", label: "General", scope: null },
  { to: "/settings/users", label: "Users", scope: "admin" },
  { to: "/settings/keys", label: "API keys", scope: "admin" },
  { to: "/settings/audit", label: "Audit", scope: "admin" },
] as const;

/** A part of the settings, with the ways to the others that one may see. */
export function SettingsFrame({ title, children }: { title: string; children: ReactNode }) {
  const who = useStore(session);
  return (
    <Page title={title}>
      <Group component="nav" gap="xs" aria-label="Settings">
        {PARTS.filter(({ scope }) => scope === null || may(who, scope)).map(({ to, label }) => (
          <LinkButton
            key={to}
            to={to}
            size="xs"
            variant="default"
            activeOptions={{ exact: true, includeSearch: false }}
            activeProps={{ variant: "filled" }}
          >
            {label}
          </LinkButton>
        ))}
      </Group>
      {children}
    </Page>
  );
}
