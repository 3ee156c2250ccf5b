import { Button } from "@mantine/core";
import { useState } from "react";

interface ConfirmProps {
  /** What it does, `Revoke`. */
  act: string;
  /** And to what: told to who does not see where it stands, or shown to all. */
  subject: string;
  shown?: boolean;
  pending: boolean;
  disabled?: boolean;
  onConfirm: () => void;
}

/** A second press confirms what cannot be taken back. */
export function ConfirmButton({ act, subject, shown = false, pending, disabled, onConfirm }: ConfirmProps) {
  const [asked, setAsked] = useState(false);
  const words = asked ? `Really ${act.toLowerCase()}` : act;
  return (
    <Button
      size={shown ? "xs" : "compact-sm"}
      variant={asked ? "filled" : "default"}
      color={asked ? "red" : undefined}
      loading={pending}
      disabled={disabled}
      aria-label={`${words} ${subject}`}
      onBlur={() => setAsked(false)}
      onClick={() => {
        setAsked(!asked);
        if (asked) onConfirm();
      }}
    >
      {shown ? `${words} ${subject}` : words}
    </Button>
  );
}
