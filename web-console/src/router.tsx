import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  Outlet,
  redirect,
} from "@tanstack/react-router";
import { restore } from "./api/session";
import { parameters, parseSearch, stringifySearch } from "./lib/search";
import { NotFoundPage } from "./pages/not-found";
import { Shell } from "./ui/shell";
import { Loading, Problem } from "./ui/states";

const root = createRootRoute({ component: Outlet });

const login = createRoute({
  getParentRoute: () => root,
  path: "/login",
  validateSearch: parameters("to"),
  component: lazyRouteComponent(() => import("./pages/login"), "LoginPage"),
});

const inside = createRoute({
  getParentRoute: () => root,
  id: "inside",
  component: Shell,
  beforeLoad: async ({ location }) => {
    const to = location.href;
    if (!(await restore())) throw redirect({ to: "/login", search: to === "/" ? {} : { to } });
  },
  errorComponent: ({ error }) => <Problem error={error} retry={() => void router.invalidate()} />,
});

const overview = createRoute({
  getParentRoute: () => inside,
  path: "/",
  component: lazyRouteComponent(() => import("./pages/overview"), "OverviewPage"),
});

const devices = createRoute({
  getParentRoute: () => inside,
  path: "/devices",
  validateSearch: parameters("source", "q", "show", "sort", "cursor"),
  component: lazyRouteComponent(() => import("./pages/devices"), "DevicesPage"),
});

const device = createRoute({
  getParentRoute: () => inside,
  path: "/devices/$id",
  validateSearch: parameters("edit"),
  component: lazyRouteComponent(() => import("./pages/device"), "DevicePage"),
});

const explore = createRoute({
  getParentRoute: () => inside,
  path: "/explore",
  validateSearch: parameters("series", "from", "to", "compare", "live"),
  component: lazyRouteComponent(() => import("./pages/explore"), "ExplorePage"),
});

const quarantine = createRoute({
  getParentRoute: () => inside,
  path: "/quarantine",
  validateSearch: parameters("source", "reason", "state", "cursor", "entry"),
  component: lazyRouteComponent(() => import("./pages/quarantine"), "QuarantinePage"),
});

const sources = createRoute({
  getParentRoute: () => inside,
  path: "/sources",
  component: lazyRouteComponent(() => import("./pages/sources"), "SourcesPage"),
});

const settings = createRoute({
  getParentRoute: () => inside,
  path: "/settings",
  component: lazyRouteComponent(() => import("./pages/settings"), "SettingsPage"),
});

const users = createRoute({
  getParentRoute: () => inside,
  path: "/settings/users",
  validateSearch: parameters("user"),
  component: lazyRouteComponent(() => import("./pages/users"), "UsersPage"),
});

const apiKeys = createRoute({
  getParentRoute: () => inside,
  path: "/settings/keys",
  component: lazyRouteComponent(() => import("./pages/api-keys"), "ApiKeysPage"),
});

const audit = createRoute({
  getParentRoute: () => inside,
  path: "/settings/audit",
  validateSearch: parameters("actor", "action", "object_kind", "cursor"),
  component: lazyRouteComponent(() => import("./pages/audit"), "AuditPage"),
});

/** Any other address: inside, so that the menu leads on. */
const notFound = createRoute({ getParentRoute: () => inside, path: "$", component: NotFoundPage });

export const router = createRouter({
  routeTree: root.addChildren([
    login,
    inside.addChildren([
      overview,
      devices,
      device,
      explore,
      quarantine,
      sources,
      settings,
      users,
      apiKeys,
      audit,
      notFound,
    ]),
  ]),
  parseSearch,
  stringifySearch,
  defaultPreload: "intent",
  defaultPendingComponent: () => <Loading rows={5} />,
  scrollRestoration: true,
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
