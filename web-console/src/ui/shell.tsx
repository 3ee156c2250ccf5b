import {
  Alert,
  AppShell,
  Burger,
  Button,
  Group,
  Stack,
  Text,
  useComputedColorScheme,
  useMantineColorScheme,
} from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { Outlet, useNavigate } from "@tanstack/react-router";
import { useEffect } from "react";
import { connection } from "../api/connection";
import { logOut, session } from "../api/session";
import { useStore } from "../api/store";
import { viewerZone } from "../lib/time";
import { LinkAnchor, LinkNav } from "./links";

const PLACES = [
  { to: "/", label: "Overview" },
  { to: "/devices", label: "Devices" },
  { to: "/explore", label: "Explore" },
  { to: "/quarantine", label: "Quarantine" },
  { to: "/sources", label: "Sources" },
  { to: "/settings", label: "Settings" },
] as const;

/** What is round every page: where one can go, who is here, and whether the server answers. */
export function Shell() {
  const [open, { toggle, close }] = useDisclosure();
  const navigate = useNavigate();
  const who = useStore(session);
  const broken = useStore(connection) === "broken";
  useEffect(() => {
    const to = location.pathname + location.search;
    if (who === null) void navigate({ to: "/login", search: to === "/" ? {} : { to } });
  }, [who, navigate]);
  return (
    <AppShell
      header={{ height: 52 }}
      navbar={{ width: 190, breakpoint: "sm", collapsed: { mobile: !open } }}
      padding="md"
    >
      <a className="skip" href="#content">
        Skip to the content
      </a>
      <AppShell.Header px="md">
        <Group h="100%" justify="space-between" wrap="nowrap">
          <Group gap="sm" wrap="nowrap">
            <Burger
              opened={open}
              onClick={toggle}
              hiddenFrom="sm"
              size="sm"
              aria-label="Menu"
              aria-expanded={open}
            />
            <LinkAnchor to="/" underline="never" c="inherit" fw={700} className="nowrap">
              <img
                src="/icon.svg"
                alt=""
                width={24}
                height={24}
                style={{ verticalAlign: -6, marginRight: 8 }}
              />
              SENS
            </LinkAnchor>
          </Group>
          <Group gap="xs" wrap="nowrap">
            <Text size="sm" c="dimmed" visibleFrom="sm">
              {who?.user?.name ?? "API key"}
            </Text>
            <SchemeButton />
            <Button size="xs" variant="default" onClick={() => void logOut()}>
              Log out
            </Button>
          </Group>
        </Group>
      </AppShell.Header>
      <AppShell.Navbar p="xs" aria-label="Main">
        <Stack gap={2}>
          {PLACES.map(({ to, label }) => (
            <LinkNav
              key={to}
              to={to}
              label={label}
              activeOptions={{ exact: to === "/" }}
              activeProps={{ active: true }}
              onClick={close}
            />
          ))}
        </Stack>
        <Text size="xs" c="dimmed" mt="auto" p="xs">
          Times are in {viewerZone}
        </Text>
      </AppShell.Navbar>
      <AppShell.Main id="content" tabIndex={-1}>
        {broken && (
          <Alert color="red" variant="filled" mb="md" role="alert" title="The server does not answer">
            What you see is from before. The console tries again every two seconds and goes on by itself.
          </Alert>
        )}
        <Outlet />
      </AppShell.Main>
    </AppShell>
  );
}

function SchemeButton() {
  const { setColorScheme } = useMantineColorScheme();
  const dark = useComputedColorScheme("light") === "dark";
  return (
    <Button size="xs" variant="default" onClick={() => setColorScheme(dark ? "light" : "dark")}>
      {dark ? "Light" : "Dark"}
    </Button>
  );
}
