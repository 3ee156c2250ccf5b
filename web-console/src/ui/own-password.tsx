import { Button, Group, PasswordInput, Text } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import type { FormEvent } from "react";
import { changeOwnPassword } from "../api/accounts";
import { session } from "../api/session";
import { useStore } from "../api/store";
import { Card } from "./page";
import { Problem } from "./states";
import { MIN_PASSWORD } from "./users";

/** One's own password. Whoever holds an API key has none. */
export function OwnPassword() {
  const user = useStore(session)?.user;
  const change = useMutation({ mutationFn: changeOwnPassword });
  if (!user) return null;
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = event.currentTarget;
    const given = new FormData(form);
    const text = (name: string) => String(given.get(name));
    change.mutate(
      { current_password: text("current") || null, new_password: text("new") },
      { onSuccess: () => form.reset() },
    );
  };
  return (
    <Card title={`Password of ${user.name}`}>
      <form onSubmit={submit}>
        <input type="hidden" name="username" autoComplete="username" value={user.name} />
        <Group align="end">
          <PasswordInput
            name="current"
            label="Now"
            placeholder="none: by a link"
            miw={200}
            autoComplete="current-password"
          />
          <PasswordInput
            name="new"
            label="New"
            required
            withAsterisk={false}
            miw={200}
            minLength={MIN_PASSWORD}
            autoComplete="new-password"
          />
          <Button type="submit" variant="default" loading={change.isPending}>
            Change
          </Button>
        </Group>
      </form>
      {change.isError && <Problem error={change.error} />}
      <Text size="sm" role="status">
        {change.isSuccess && "Changed; your other sessions ended."}
      </Text>
    </Card>
  );
}
