import { Alert, Button, Center, Divider, PasswordInput, Stack, Text, TextInput, Title } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { getRouteApi, useRouter } from "@tanstack/react-router";
import { type FormEvent, type ReactNode, useEffect, useRef, useState } from "react";
import { ApiProblem } from "../api/problem";
import { enterWithKey, logIn, type Session, setUp } from "../api/session";

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
  const [token, setToken] = useState<string | null>(null);
  const enter = useMutation({
    mutationFn: (open: () => Promise<Session | null>) => open(),
    onSuccess: (session) => {
      // Only to a place of ours, whatever the link said.
      if (session) router.history.push(to?.startsWith("/") && !to.startsWith("//") ? to : "/");
    },
  });
  const looked = useRef(false);
  useEffect(() => {
    document.title = "Log in · SENS";
    const found = looked.current ? null : takeToken();
    looked.current = true;
    if (!found) return;
    enter.mutate(() => logIn({ token: found }), { onSuccess: (session) => setToken(session ? null : found) });
  }, [enter.mutate]);
  const pending = enter.isPending;
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
        {token ? (
          <Form submit={({ username, password }) => enter.mutate(() => setUp(token, username, password))}>
            <Text size="sm">This is the first visit: make the user who may do everything.</Text>
            <UserFields newPassword />
            <Button type="submit" loading={pending}>
              Make this user
            </Button>
          </Form>
        ) : (
          <>
            <Form submit={({ username, password }) => enter.mutate(() => logIn({ username, password }))}>
              <UserFields />
              <Button type="submit" loading={pending}>
                Log in
              </Button>
            </Form>
            <Divider label="or" />
            <Form submit={({ key }) => enter.mutate(() => enterWithKey(key.trim()))}>
              <KeyField />
              <Button type="submit" variant="default" loading={pending}>
                Use this key
              </Button>
            </Form>
            <Text size="sm" c="dimmed">
              On the machine that runs <code>sens up</code>, the key is in <code>.sens/admin-api-key</code>.
            </Text>
          </>
        )}
      </Stack>
    </Center>
  );
}

type Given = Record<"username" | "password" | "key", string>;

function Form({ submit, children }: { submit: (given: Given) => void; children: ReactNode }) {
  const onSubmit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const given = new FormData(event.currentTarget);
    const text = (name: string) => String(given.get(name) ?? "");
    submit({ username: text("username").trim(), password: text("password"), key: text("key") });
  };
  return (
    <form onSubmit={onSubmit}>
      <Stack gap="sm">{children}</Stack>
    </form>
  );
}

function UserFields({ newPassword = false }: { newPassword?: boolean }) {
  return (
    <>
      <TextInput name="username" label="User" autoComplete="username" required withAsterisk={false} />
      <PasswordInput
        name="password"
        label="Password"
        autoComplete={newPassword ? "new-password" : "current-password"}
        required
        withAsterisk={false}
      />
    </>
  );
}

function KeyField() {
  return (
    <PasswordInput
      name="key"
      label="API key"
      description="Kept in this tab until you close it."
      placeholder="sens_…"
      autoComplete="off"
      required
      withAsterisk={false}
    />
  );
}

function explain(error: unknown): string {
  if (error instanceof ApiProblem && error.status === 404) return "This server knows API keys only.";
  return error instanceof Error ? error.message : String(error);
}
