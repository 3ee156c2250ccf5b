import { Button, Divider, Group, NativeSelect, PasswordInput, Stack, Text } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import type { FormEvent } from "react";
import { changeUser, createLoginLink, deleteUser, usersQuery } from "../api/accounts";
import type { Schemas } from "../api/client";
import { ConfirmButton } from "./confirm-button";
import { ShownOnce } from "./shown-once";
import { Side } from "./side";
import { Empty, Loaded, Problem } from "./states";
import { MIN_PASSWORD, ROLES } from "./users";

type User = Schemas["User"];

/** One user: role, password, and whether that one may log in. */
export function UserEditor({ id, onClose }: { id: number | null; onClose: () => void }) {
  const users = useQuery(usersQuery);
  const name = users.data?.items.find((user) => user.id === id)?.name;
  return (
    <Side title={name ?? "A user"} opened={id !== null} onClose={onClose}>
      <Loaded query={users}>
        {({ items }) => {
          const user = items.find((each) => each.id === id);
          return user ? (
            <Editor key={user.id} user={user} onClose={onClose} />
          ) : (
            <Empty title="There is no such user" />
          );
        }}
      </Loaded>
    </Side>
  );
}

function Editor({ user, onClose }: { user: User; onClose: () => void }) {
  const queries = useQueryClient();
  const renewed = { onSuccess: () => queries.invalidateQueries({ queryKey: usersQuery.queryKey }) };
  const change = useMutation({
    mutationFn: (to: Schemas["UserChange"]) => changeUser(user.id, to),
    ...renewed,
  });
  const remove = useMutation({
    mutationFn: () => deleteUser(user.id),
    onSuccess: () => {
      onClose();
      return renewed.onSuccess();
    },
  });
  const error = change.error ?? remove.error;
  return (
    <Stack>
      <NativeSelect
        label="Role"
        data={ROLES}
        value={user.role}
        disabled={change.isPending}
        onChange={({ currentTarget }) => change.mutate({ role: currentTarget.value as User["role"] })}
      />
      <NewPassword user={user} pending={change.isPending} onSet={(password) => change.mutate({ password })} />
      <LoginLink user={user} />
      <Divider />
      <Group>
        <Button
          size="compact-sm"
          variant="default"
          loading={change.isPending}
          onClick={() => change.mutate({ disabled: !user.disabled })}
        >
          {user.disabled ? "Enable" : "Disable"}
        </Button>
        <ConfirmButton
          act="Delete"
          subject={user.name}
          pending={remove.isPending}
          onConfirm={() => remove.mutate()}
        />
      </Group>
      {error && <Problem error={error} />}
      <Text size="sm" role="status">
        {change.data && told(change.variables)}
      </Text>
    </Stack>
  );
}

interface PasswordProps {
  user: User;
  pending: boolean;
  onSet: (password: string) => void;
}

function NewPassword({ user, pending, onSet }: PasswordProps) {
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    onSet(String(new FormData(event.currentTarget).get("password")));
    event.currentTarget.reset();
  };
  return (
    <form onSubmit={submit}>
      <Group align="end">
        <PasswordInput
          name="password"
          label="New password"
          description={`${MIN_PASSWORD} characters or more; all sessions of ${user.name} end`}
          required
          withAsterisk={false}
          flex={1}
          minLength={MIN_PASSWORD}
          autoComplete="new-password"
        />
        <Button type="submit" variant="default" loading={pending}>
          Set
        </Button>
      </Group>
    </form>
  );
}

function LoginLink({ user }: { user: User }) {
  const link = useMutation({ mutationFn: () => createLoginLink(user.name) });
  return (
    <div>
      <Button
        variant="default"
        mb="sm"
        disabled={user.disabled}
        loading={link.isPending}
        onClick={() => link.mutate()}
      >
        Make a link that logs in once
      </Button>
      {link.error && <Problem error={link.error} />}
      {link.data && (
        <ShownOnce title="For ten minutes, shown this once" secret={location.origin + link.data.path} />
      )}
    </div>
  );
}

function told(change: Schemas["UserChange"]): string {
  if (change.role) return `The role is ${change.role} now.`;
  if (change.password) return "The password is set; all sessions ended.";
  return change.disabled ? "Nobody logs in as this user any more; all sessions ended." : "Enabled again.";
}
