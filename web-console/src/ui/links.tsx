import { Anchor, Button, type ButtonProps, NavLink } from "@mantine/core";
import { createLink } from "@tanstack/react-router";
import type { AnchorHTMLAttributes, Ref } from "react";

type Attributes = Omit<AnchorHTMLAttributes<HTMLAnchorElement>, keyof ButtonProps>;

function ButtonAnchor(props: ButtonProps & Attributes & { ref?: Ref<HTMLAnchorElement> }) {
  return <Button component="a" {...props} />;
}

export const LinkAnchor = createLink(Anchor<"a">);
export const LinkButton = createLink(ButtonAnchor);
export const LinkNav = createLink(NavLink<"a">);
