import { Outlet, useNavigate, useRouterState } from '@tanstack/react-router'
import { useEffect, useRef, useState } from 'react'

import { queryClient, queries } from '../api/queries.ts'
import { useLive } from '../api/live.ts'
import { useTokenRefused } from '../api/token.ts'
import { useHotkey } from '../ui/index.ts'
import { BuildBanner } from './BuildBanner.tsx'
import { Header } from './Header.tsx'
import { LostBanner } from './LostBanner.tsx'
import { type Destination, destinations } from './navigation.ts'
import { Palette } from './Palette.tsx'
import { Sheet } from './Sheet.tsx'
import styles from './Shell.module.css'
import { Sidebar } from './Sidebar.tsx'
import { TokenPage } from './TokenPage.tsx'

/** What is around every page. */
export function Shell() {
  return useTokenRefused() ? <TokenPage /> : <Frame />
}

type Overlay = 'palette' | 'sheet' | null

function Frame() {
  const [drawer, setDrawer] = useState(false)
  const [overlay, setOverlay] = useState<Overlay>(null)
  const location = useRouterState({ select: (state) => state.location.href })
  useLiveCaches()
  useEffect(() => {
    setDrawer(false)
    setOverlay(null)
  }, [location])
  useHotkey('mod+k', () => setOverlay('palette'), 'Search and commands')
  useHotkey('?', () => setOverlay('sheet'), 'Keyboard shortcuts')
  return (
    <div className={styles.shell}>
      <a className={styles.skip} href="#main" onClick={skip}>
        Skip to the page
      </a>
      <Header onMenu={() => setDrawer(!drawer)} onPalette={() => setOverlay('palette')} onSheet={() => setOverlay('sheet')} />
      <Sidebar onClose={() => setDrawer(false)} open={drawer} />
      <main className={styles.main} id="main" tabIndex={-1}>
        <LostBanner />
        <BuildBanner />
        <div className={styles.page}>
          <Outlet />
        </div>
      </main>
      <PageKeys />
      <Palette onClose={() => setOverlay(null)} open={overlay === 'palette'} />
      <Sheet onClose={() => setOverlay(null)} open={overlay === 'sheet'} />
    </div>
  )
}

/** The hash of the address is the router's, so that the link cannot use it. */
function skip(event: { preventDefault: () => void }): void {
  event.preventDefault()
  document.getElementById('main')?.focus()
}

/** `g`, then a letter. */
function PageKeys() {
  return destinations.map(({ to, title, key }) => <PageKey key={to} letter={key} title={title} to={to} />)
}

function PageKey({ to, title, letter }: Pick<Destination, 'to' | 'title'> & { letter: string }) {
  const navigate = useNavigate()
  useHotkey(`g ${letter}`, () => void navigate({ to }), `Go to ${title}`)
  return null
}

/** Keeps what all pages share up to date, and everything after the connection was lost. */
function useLiveCaches(): void {
  const wasLive = useRef(false)
  useLive(['figures', 'project'], (event) => {
    if (event.topic === 'gap') {
      if (wasLive.current) void queryClient.invalidateQueries()
      wasLive.current = true
    } else if (event.topic === 'figures') queryClient.setQueryData(queries.figures().queryKey, event.data)
    else if (event.topic === 'project') {
      const before = queryClient.getQueryData(queries.project().queryKey)
      queryClient.setQueryData(queries.project().queryKey, event.data)
      if (!before || before.deployment === event.data.deployment) return
      for (const queryKey of [['steps'], ['flows'], ['streams'], ['crons'], ['queues']]) void queryClient.invalidateQueries({ queryKey })
    }
  })
}
