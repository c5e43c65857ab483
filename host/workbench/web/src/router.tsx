import { createHashHistory, createRootRoute, createRoute, createRouter, lazyRouteComponent, redirect } from '@tanstack/react-router'

import { validateSearch as audit } from './pages/audit/search.ts'
import { validateSearch as deadLetters } from './pages/dead-letters/search.ts'
import { validateSearch as crons } from './pages/crons/search.ts'
import { validateSearch as endpoints } from './pages/endpoints/search.ts'
import { validateSearch as flows } from './pages/flows/search.ts'
import { validateSearch as logs } from './pages/logs/search.ts'
import { validateSearch as query } from './pages/query/search.ts'
import { validateSearch as queues } from './pages/queues/search.ts'
import { validateSearch as run } from './pages/run/search.ts'
import { validateSearch as runs } from './pages/runs/search.ts'
import { validateSearch as scheduled } from './pages/scheduled/search.ts'
import { validateSearch as state } from './pages/state/search.ts'
import { validateSearch as streams } from './pages/streams/search.ts'
import { validateSearch as traces } from './pages/traces/search.ts'
import { parseSearch, stringifySearch } from './search.ts'
import { NotFound } from './shell/NotFound.tsx'
import { fromHost } from './shell/page-code.ts'
import { PageError } from './shell/PageError.tsx'
import { Shell } from './shell/Shell.tsx'
import { Loading } from './ui/index.ts'

const root = createRootRoute({ component: Shell, notFoundComponent: NotFound })
const under = <Path extends string>(path: Path) => ({ getParentRoute: () => root, path })

const home = createRoute({
  ...under('/'),
  beforeLoad: () => {
    throw redirect({ to: '/flows', replace: true })
  },
})

/** Each page is a chunk of its own; what its filters are called is known at once. */
const pages = [
  home,
  createRoute({ ...under('/flows'), validateSearch: flows, component: lazyRouteComponent(() => fromHost(import('./pages/flows/index.tsx'))) }),
  createRoute({ ...under('/endpoints'), validateSearch: endpoints, component: lazyRouteComponent(() => fromHost(import('./pages/endpoints/index.tsx'))) }),
  createRoute({ ...under('/runs'), validateSearch: runs, component: lazyRouteComponent(() => fromHost(import('./pages/runs/index.tsx'))) }),
  createRoute({ ...under('/runs/$run'), validateSearch: run, component: lazyRouteComponent(() => fromHost(import('./pages/run/index.tsx'))) }),
  createRoute({ ...under('/traces/$trace'), validateSearch: traces, component: lazyRouteComponent(() => fromHost(import('./pages/traces/index.tsx'))) }),
  createRoute({ ...under('/queues'), validateSearch: queues, component: lazyRouteComponent(() => fromHost(import('./pages/queues/index.tsx'))) }),
  createRoute({ ...under('/dead-letters'), validateSearch: deadLetters, component: lazyRouteComponent(() => fromHost(import('./pages/dead-letters/index.tsx'))) }),
  createRoute({ ...under('/scheduled'), validateSearch: scheduled, component: lazyRouteComponent(() => fromHost(import('./pages/scheduled/index.tsx'))) }),
  createRoute({ ...under('/crons'), validateSearch: crons, component: lazyRouteComponent(() => fromHost(import('./pages/crons/index.tsx'))) }),
  createRoute({ ...under('/state'), validateSearch: state, component: lazyRouteComponent(() => fromHost(import('./pages/state/index.tsx'))) }),
  createRoute({ ...under('/streams'), validateSearch: streams, component: lazyRouteComponent(() => fromHost(import('./pages/streams/index.tsx'))) }),
  createRoute({ ...under('/logs'), validateSearch: logs, component: lazyRouteComponent(() => fromHost(import('./pages/logs/index.tsx'))) }),
  createRoute({ ...under('/query'), validateSearch: query, component: lazyRouteComponent(() => fromHost(import('./pages/query/index.tsx'))) }),
  createRoute({ ...under('/audit'), validateSearch: audit, component: lazyRouteComponent(() => fromHost(import('./pages/audit/index.tsx'))) }),
  createRoute({ ...under('/plugins/$plugin'), component: lazyRouteComponent(() => fromHost(import('./pages/plugins/index.tsx'))) }),
] as const

export const router = createRouter({
  routeTree: root.addChildren(pages),
  history: createHashHistory(),
  parseSearch,
  stringifySearch,
  defaultPreload: 'intent',
  defaultPendingComponent: Loading,
  defaultErrorComponent: PageError,
  scrollRestoration: false,
})

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router
  }
}
