import { Anchor, type CSSVariablesResolver, createTheme } from "@mantine/core";

export const theme = createTheme({
  primaryColor: "cyan",
  primaryShade: 9,
  autoContrast: true,
  components: { Anchor: Anchor.extend({ defaultProps: { inherit: true } }) },
  defaultRadius: "md",
  fontFamily: "system-ui, -apple-system, 'Segoe UI', Roboto, 'Liberation Sans', sans-serif",
  fontFamilyMonospace: "ui-monospace, 'Cascadia Mono', Menlo, 'Liberation Mono', monospace",
  headings: { fontWeight: "650", sizes: { h1: { fontSize: "1.5rem" }, h2: { fontSize: "1.125rem" } } },
});

/** The library's pale greys are below the contrast that reading needs. */
export const variables: CSSVariablesResolver = () => ({
  variables: {},
  light: { "--mantine-color-dimmed": "#4a5460", "--mantine-color-body": "#f7f9fa" },
  dark: { "--mantine-color-dimmed": "#a9b1ba", "--mantine-color-body": "#14181c" },
});

/** Colours of curves that can be told apart on white and on dark, also with most kinds of colour blindness. */
export const CURVES = [
  "#1c7ed6",
  "#e8590c",
  "#2b9348",
  "#ae3ec9",
  "#b08900",
  "#e03131",
  "#0c8599",
  "#8b5e3c",
  "#6741d9",
  "#d6336c",
];

export const curveColor = (index: number): string => CURVES[index % CURVES.length] ?? "#1c7ed6";
