import type { ErrorComponentProps } from '@tanstack/react-router'
import { useEffect } from 'react'

import { useLiveState } from '../api/live.ts'
import { ErrorState, Page } from '../ui/index.ts'
import { PageNotLoaded, reload, reloadOnce } from './page-code.ts'

/** What is shown instead of a page that failed to load or to render. */
export function PageError({ error, reset }: ErrorComponentProps) {
  const isNotLoaded = error instanceof PageNotLoaded
  const connection = useLiveState()
  useEffect(() => {
    if (isNotLoaded && connection === 'live') reloadOnce()
  }, [isNotLoaded, connection])
  return (
    <Page title="Error">
      <ErrorState error={error} retry={isNotLoaded ? () => void reload() : reset} />
    </Page>
  )
}
