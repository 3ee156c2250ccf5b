import { Button, Group, NativeSelect, PasswordInput, Table, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import type { FormEvent } from "react";
import { createUser, usersQuery } from "../api/accounts";
import type { Schemas } from "../api/client";
import { Tone } from "./badges";
import { LinkAnchor } from "./links";
import { Card } from "./page";
import { Loaded, Problem } from "./states";
import { Ago } from "./when";

type User = Schemas["User"];

export const ROLES: { value: User["role"]; label: string }[] = [
  { value: "viewer", label: "viewer: looks at everything" },
  { value: "operator", label: "operator: also changes" },
  { value: "admin", label: "admin: also users and keys" },
];
export const MIN_PASSWORD = 12;

/** Who may log in, and as what. */
export function Users() {
  const users = useQuery(usersQuery);
  return (
    <Card>
      <Loaded query={users}>
        {({ items }) => (
          <>
            <NewUser />
            <UserTable users={items} />
          </>
        )}
      </Loaded>
    </Card>
  );
}

function NewUser() {
  const queries = useQueryClient();
  const create = useMutation({
    mutationFn: createUser,
    onSuccess: () => queries.invalidateQueries({ queryKey: usersQuery.queryKey }),
  });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = event.currentTarget;
    const given = new FormData(form);
    create.mutate(
      {
        name: String(given.get("name")).trim().toLowerCase(),
        role: String(given.get("role")) as User["role"],
        password: String(given.get("password")) || null,
      },
      { onSuccess: () => form.reset() },
    );
  };
  return (
    <>
      <form onSubmit={submit}>
        <Group align="end" mb="sm">
          <TextInput name="name" label="Name" placeholder="ann" required maxLength={64} autoComplete="off" />
          <NativeSelect name="role" label="Role" data={ROLES} />
          <PasswordInput
            name="password"
            label="Password"
            placeholder="none: by a link"
            miw={200}
            minLength={MIN_PASSWORD}
            autoComplete="new-password"
          />
          <Button type="submit" loading={create.isPending}>
            Make a user
          </Button>
        </Group>
      </form>
      {create.isError && <Problem error={create.error} />}
    </>
  );
}

function UserTable({ users }: { users: User[] }) {
  return (
    <div className="scroll">
      <Table aria-label="Users" className="stacked">
        <Table.Thead>
          <Table.Tr>
            <Table.Th>Name</Table.Th>
            <Table.Th>Role</Table.Th>
            <Table.Th>State</Table.Th>
            <Table.Th>Sees</Table.Th>
            <Table.Th>Last login</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {users.map((user) => (
            <Table.Tr key={user.id}>
              <Table.Th scope="row">
                <LinkAnchor to="/settings/users" search={{ user: String(user.id) }}>
                  {user.name}
                </LinkAnchor>
              </Table.Th>
              <Table.Td data-name="Role">{user.role}</Table.Td>
              <Table.Td data-name="State">
                <UserState user={user} />
              </Table.Td>
              <Table.Td data-name="Sees">{user.tenant ?? "all tenants"}</Table.Td>
              <Table.Td data-name="Last login">
                <Ago at={user.last_login_at} />
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </div>
  );
}

function UserState({ user }: { user: User }) {
  if (user.disabled) return <Tone tone="bad">disabled</Tone>;
  if (!user.has_password) return <Tone tone="warn">no password</Tone>;
  return <Tone tone="good">active</Tone>;
}
