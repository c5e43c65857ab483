import type { ErrorComponentProps } from '@tanstack/react-router'

import { ErrorState, Page } from '../ui/index.ts'

/** What is shown instead of a page that failed to load or to render. */
export function PageError({ error, reset }: ErrorComponentProps) {
  return (
    <Page title="Error">
      <ErrorState error={error} retry={reset} />
    </Page>
  )
}
