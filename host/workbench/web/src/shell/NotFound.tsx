import { Link } from '@tanstack/react-router'

import { EmptyState, Page } from '../ui/index.ts'

export function NotFound() {
  return (
    <Page title="Not found">
      <EmptyState action={<Link to="/flows">Go to the flows</Link>} hint="The address names no page of the Workbench." title="There is no such page" />
    </Page>
  )
}
