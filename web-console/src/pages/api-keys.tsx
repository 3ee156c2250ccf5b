import { ApiKeys } from "../ui/api-keys";
import { SettingsFrame } from "../ui/settings-frame";

export function ApiKeysPage() {
  return (
    <SettingsFrame title="API keys">
      <ApiKeys />
    </SettingsFrame>
  );
}
