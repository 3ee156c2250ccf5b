import { getRouteApi } from "@tanstack/react-router";
import { SettingsFrame } from "../ui/settings-frame";
import { UserEditor } from "../ui/user-editor";
import { Users } from "../ui/users";

const route = getRouteApi("/inside/settings/users");

export function UsersPage() {
  const { user } = route.useSearch();
  const navigate = route.useNavigate();
  return (
    <SettingsFrame title="Users">
      <Users />
      <UserEditor id={user ? Number(user) : null} onClose={() => void navigate({ search: {} })} />
    </SettingsFrame>
  );
}
