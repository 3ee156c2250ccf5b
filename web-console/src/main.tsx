import "@mantine/core/styles.css";
import "./styles.css";
import { MantineProvider } from "@mantine/core";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { connection } from "./api/connection";
import { isPassing } from "./api/problem";
import { session } from "./api/session";
import { router } from "./router";
import { theme, variables } from "./theme";

const queries = new QueryClient({
  defaultOptions: {
    queries: {
      networkMode: "always",
      staleTime: 2000,
      // What passes is tried again; `connection` wakes the rest when the server is back.
      retry: (failures, error) => isPassing(error) && failures < 2,
    },
    mutations: { networkMode: "always" },
  },
});

connection.subscribe(() => {
  if (connection.get() !== "ok") return;
  void queries.invalidateQueries();
  void router.invalidate();
});
session.subscribe(() => {
  if (session.get() === null) queries.clear();
});

const place = document.getElementById("root");
if (place) {
  createRoot(place).render(
    <StrictMode>
      <MantineProvider theme={theme} cssVariablesResolver={variables} defaultColorScheme="auto">
        <QueryClientProvider client={queries}>
          <RouterProvider router={router} />
        </QueryClientProvider>
      </MantineProvider>
    </StrictMode>,
  );
}
