import { Alert, Button, Center, Divider, PasswordInput, Stack, Text, TextInput, Title } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { getRouteApi, useRouter } from "@tanstack/react-router";
import { type FormEvent, useEffect, useRef } from "react";
import { ApiProblem } from "../api/problem";
import { enterWithKey, logIn, type Session } from "../api/session";

const route = getRouteApi("/login");

/** The one-time token of a link that logs in. It stands in the fragment, which no server and no log sees. */
function takeToken(): string | null {
  const token = new URLSearchParams(location.hash.slice(1)).get("token");
  if (token) history.replaceState(history.state, "", location.pathname + location.search);
  return token;
}

export function LoginPage() {
  const { to } = route.useSearch();
  const router = useRouter();
  const enter = useMutation({
    mutationFn: (open: () => Promise<Session>) => open(),
    // Only to a place of ours, whatever the link said.
    onSuccess: () => router.history.push(to?.startsWith("/") && !to.startsWith("//") ? to : "/"),
  });
  const tried = useRef(false);
  useEffect(() => {
    document.title = "Log in · SENS";
    const token = tried.current ? null : takeToken();
    tried.current = true;
    if (token) enter.mutate(() => logIn({ token }));
  }, [enter.mutate]);
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const given = new FormData(event.currentTarget);
    const text = (name: string) => String(given.get(name) ?? "").trim();
    const key = text("key");
    const credentials = { username: text("username"), password: String(given.get("password") ?? "") };
    enter.mutate(() => (key ? enterWithKey(key) : logIn(credentials)));
  };
  return (
    <Center component="main" mih="100dvh" p="md">
      <Stack className="card" w={380} maw="100%" gap="md">
        <Title order={1}>
          <img src="/icon.svg" alt="" width={28} height={28} style={{ verticalAlign: -6, marginRight: 10 }} />
          SENS
        </Title>
        {enter.isError && (
          <Alert color="red" variant="outline" role="alert">
            {explain(enter.error)}
          </Alert>
        )}
        <form onSubmit={submit}>
          <Stack gap="sm">
            <TextInput name="username" label="User" autoComplete="username" />
            <PasswordInput name="password" label="Password" autoComplete="current-password" />
            <Button type="submit" loading={enter.isPending}>
              Log in
            </Button>
          </Stack>
        </form>
        <Divider label="or" />
        <form onSubmit={submit}>
          <Stack gap="sm">
            <PasswordInput
              name="key"
              label="API key"
              description="Kept in this tab until you close it."
              placeholder="sens_…"
              autoComplete="off"
              required
            />
            <Button type="submit" variant="default" loading={enter.isPending}>
              Use this key
            </Button>
          </Stack>
        </form>
        <Text size="sm" c="dimmed">
          On the machine that runs <code>sens up</code>, the key is in <code>.sens/admin-api-key</code>.
        </Text>
      </Stack>
    </Center>
  );
}

function explain(error: unknown): string {
  if (error instanceof ApiProblem && error.status === 404) return "This server knows API keys only.";
  return error instanceof Error ? error.message : String(error);
}
