import { useQuery } from '@tanstack/react-query'
import { getRouteApi } from '@tanstack/react-router'
import { useEffect, useEffectEvent, useRef } from 'react'

import { apiHeaders, apiUrl } from '../../api/client.ts'
import { queries } from '../../api/queries.ts'
import type { Plugin } from '../../api/types.ts'
import { EmptyState, ErrorState, Loading, Page, useTheme } from '../../ui/index.ts'
import { answer, requestOf } from './bridge.ts'
import styles from './plugins.module.css'

const route = getRouteApi('/plugins/$plugin')

export default function PluginPage() {
  const { plugin: name } = route.useParams()
  const { data, error, refetch } = useQuery(queries.plugins())
  const plugin = data?.find((each) => each.name === name)
  if (plugin)
    return (
      <Page title={plugin.title} fill>
        <Frame key={plugin.entry} plugin={plugin} />
      </Page>
    )
  if (error)
    return (
      <Page title={name}>
        <ErrorState error={error} retry={refetch} />
      </Page>
    )
  if (!data)
    return (
      <Page title={name}>
        <Loading />
      </Page>
    )
  return (
    <Page title={name}>
      <EmptyState
        icon="plug"
        title={`There is no plugin “${name}”`}
        hint={
          <>
            A plugin is a directory <code>workbench/{name}/</code> of the project with a <code>plugin.json</code>.
          </>
        }
      />
    </Page>
  )
}

const send = (path: string, init: RequestInit) =>
  fetch(apiUrl(path), { ...init, headers: { ...(init.headers as Record<string, string> | undefined), ...apiHeaders() } })

/** A plugin's page. It is sandboxed, so that all it can do is to ask this page, which asks the API. */
function Frame({ plugin }: { plugin: Plugin }) {
  const frame = useRef<HTMLIFrameElement>(null)
  const role = useQuery(queries.project()).data?.role ?? 'viewer'
  const theme = useTheme().dark ? 'dark' : 'light'
  // The frame's origin is opaque: `*` is the only name for it.
  const tell = (message: object) => frame.current?.contentWindow?.postMessage(message, '*')
  const tellTheme = () => tell({ type: 'motia:theme', theme })

  const onMessage = useEffectEvent(async (event: MessageEvent) => {
    if (event.source === null || event.source !== frame.current?.contentWindow) return
    const request = requestOf(event.data)
    if (request) tell(await answer(request, role, send))
  })
  useEffect(() => {
    const listener = (event: MessageEvent) => void onMessage(event)
    addEventListener('message', listener)
    return () => removeEventListener('message', listener)
  }, [])
  const onTheme = useEffectEvent(tellTheme)
  useEffect(() => onTheme(), [theme])

  return (
    <iframe
      className={styles.frame}
      ref={frame}
      sandbox="allow-scripts"
      src={new URL(plugin.entry, document.baseURI.split('#')[0]).href}
      title={plugin.title}
      onLoad={tellTheme}
    />
  )
}
