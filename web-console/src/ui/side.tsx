import { Drawer, Group } from "@mantine/core";
import type { ReactNode } from "react";

interface SideProps {
  title: string;
  opened: boolean;
  size?: "md" | "lg";
  onClose: () => void;
  children: ReactNode;
}

/** What comes in from the side, over the page. */
export function Side({ title, opened, size = "md", onClose, children }: SideProps) {
  return (
    <Drawer.Root opened={opened} onClose={onClose} position="right" size={size}>
      <Drawer.Overlay />
      <Drawer.Content>
        {/* Not the library's own header: it would be a second banner of the page. */}
        <Group justify="space-between" p="md">
          <Drawer.Title fw={650}>{title}</Drawer.Title>
          <Drawer.CloseButton aria-label="Close" />
        </Group>
        <Drawer.Body>{children}</Drawer.Body>
      </Drawer.Content>
    </Drawer.Root>
  );
}
