import { Code, Group, SegmentedControl, Table, Text, useMantineColorScheme } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { versionQuery } from "../api/queries";
import { viewerZone } from "../lib/time";
import { OwnPassword } from "../ui/own-password";
import { Card } from "../ui/page";
import { SettingsFrame } from "../ui/settings-frame";
import { Loaded } from "../ui/states";

export function SettingsPage() {
  return (
    <SettingsFrame title="Settings">
      <Appearance />
      <OwnPassword />
      <About />
    </SettingsFrame>
  );
}

function Appearance() {
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  return (
    <Card title="Appearance">
      <Group>
        <SegmentedControl
          aria-label="Colours"
          value={colorScheme}
          onChange={(value) => setColorScheme(value as "light" | "dark" | "auto")}
          data={[
            { value: "auto", label: "As the system" },
            { value: "light", label: "Light" },
            { value: "dark", label: "Dark" },
          ]}
        />
        <Text size="sm" c="dimmed">
          Times are shown in {viewerZone}, the zone of this browser.
        </Text>
      </Group>
    </Card>
  );
}

function About() {
  const version = useQuery(versionQuery);
  return (
    <Card title="About">
      <Loaded query={version}>
        {({ version: deployed, git_sha, build_date, python }) => (
          <Table aria-label="Versions">
            <Table.Tbody>
              {[
                ["SENS Platform", deployed],
                ["Commit", git_sha],
                ["Of", build_date],
                ["Python", python],
              ].map(([name, value]) => (
                <Table.Tr key={name}>
                  <Table.Th scope="row" w={140}>
                    {name}
                  </Table.Th>
                  <Table.Td style={{ overflowWrap: "anywhere" }}>
                    <Code>{value}</Code>
                  </Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        )}
      </Loaded>
    </Card>
  );
}
